from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "noren.catalog"
    label = "catalog"

    def ready(self) -> None:
        from noren.catalog import handlers  # noqa: F401  registers them
