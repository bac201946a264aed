"""The Celery application: workers and the scheduler."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import beat_init, task_prerun, worker_init
from django.conf import settings
from django.db import close_old_connections

from noren_kit.core.starting import ends_if_refused
from noren_kit.observability.metrics_folder import prepare

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "noren.config.settings.production")
if "worker" in sys.argv and os.environ.get("METRICS_PORT", "0") != "0":
    prepare()
with ends_if_refused():
    settings.INSTALLED_APPS  # noqa: B018  read now, for Celery would do so in the middle of a start
app = Celery("noren")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def refuse_unsafe_database(**kwargs: Any) -> None:
    """Celery logs what its signals' receivers raise and goes on; it does not hold up an exit."""
    from noren_kit.tenancy import startup

    with ends_if_refused():
        startup.refuse_unsafe_database()


@task_prerun.connect
def look_at_connections(**kwargs: Any) -> None:
    """As at the start of a request: one that has failed, or was ended meanwhile, is made anew."""
    close_old_connections()


@app.on_after_configure.connect
def watch(**kwargs: Any) -> None:
    from noren_kit.observability.tasks import watch_tasks

    watch_tasks()
