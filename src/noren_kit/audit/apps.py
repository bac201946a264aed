from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "noren_kit.audit"
    label = "audit"
    verbose_name = "Audit"
