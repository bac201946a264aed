from django.apps import AppConfig


class TenancyConfig(AppConfig):
    name = "noren_kit.tenancy"
    label = "tenancy"
    verbose_name = "Tenancy"

    def ready(self) -> None:
        from noren_kit.tenancy import checks  # noqa: F401  registers the system checks
