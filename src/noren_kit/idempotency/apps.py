from django.apps import AppConfig


class IdempotencyConfig(AppConfig):
    name = "noren_kit.idempotency"
    label = "idempotency"
    verbose_name = "Idempotency"
