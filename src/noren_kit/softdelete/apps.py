from django.apps import AppConfig


class SoftDeleteConfig(AppConfig):
    name = "noren_kit.softdelete"
    label = "softdelete"
