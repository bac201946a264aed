from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "noren.orders"
    label = "orders"

    def ready(self) -> None:
        from noren.orders import handlers  # noqa: F401  registers them
