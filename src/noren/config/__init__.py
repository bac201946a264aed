"""The installation: settings, routes, entry points.

The Celery application is made with the package, so that tasks queued by any process (web,
relay, shell) go to the configured broker.
"""

from noren.config.celery import app as celery_app

__all__ = ["celery_app"]
