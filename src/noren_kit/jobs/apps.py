from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "noren_kit.jobs"
    label = "jobs"
    verbose_name = "Jobs"
