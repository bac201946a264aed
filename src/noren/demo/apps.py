from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "noren.demo"
    label = "demo"
