"""The Celery application: workers and the scheduler."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import worker_init

from noren_kit.observability.metrics_folder import prepare

if "worker" in sys.argv and os.environ.get("METRICS_PORT", "0") != "0":
    prepare()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "noren.config.settings.production")
app = Celery("noren")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def refuse_privileged_role(**kwargs: Any) -> None:
    from noren_kit.tenancy import startup

    startup.refuse_privileged_role()


@app.on_after_configure.connect
def watch(**kwargs: Any) -> None:
    from noren_kit.observability.tasks import watch_tasks

    watch_tasks()
