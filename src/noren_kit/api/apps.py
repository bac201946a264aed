from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "noren_kit.api"
    label = "api"
    verbose_name = "API"
