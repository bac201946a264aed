from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "noren_kit.outbox"
    label = "outbox"
    verbose_name = "Outbox"
