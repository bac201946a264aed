from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "noren.orders"
    label = "orders"
