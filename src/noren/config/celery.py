"""The Celery application: workers and the scheduler."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "noren.config.settings.production")
app = Celery("noren")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
