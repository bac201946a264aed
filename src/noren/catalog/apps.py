from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "noren.catalog"
    label = "catalog"
