from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "noren_kit.api"
    label = "api"
    verbose_name = "API"

    def ready(self) -> None:
        from noren_kit.api import checks  # noqa: F401  registers the system checks
