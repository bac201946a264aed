"""The Celery application: workers and the scheduler."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "noren.config.settings.production")
app = Celery("noren")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def refuse_privileged_role(**kwargs: Any) -> None:
    from noren_kit.tenancy import startup

    startup.refuse_privileged_role()
