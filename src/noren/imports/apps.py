from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "noren.imports"
    label = "imports"
