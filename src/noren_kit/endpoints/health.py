"""The full report of health; figures of the system are for the platform's people alone."""

from __future__ import annotations

import os
import resource
import threading
import time
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from rest_framework.exceptions import APIException

from noren_kit.accounts.authentication import CredentialAuthentication
from noren_kit.core import context
from noren_kit.core.errors import AppError
from noren_kit.observability.health import report

_STARTED = time.monotonic()
_DATABASE = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
       current_setting('max_connections')::int, pg_database_size(current_database())
"""


def _figures() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(_DATABASE)
        connections, most, size = cursor.fetchone()
    return {
        "process": {
            "pid": os.getpid(),
            "uptime_seconds": round(time.monotonic() - _STARTED),
            "most_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "threads": threading.active_count(),
        },
        "database": {"connections": connections, "max_connections": most, "bytes": size},
    }


def _asked_by_platform(request: HttpRequest) -> bool:
    if "Authorization" not in request.headers:
        return False
    try:
        CredentialAuthentication().authenticate(request)  # type: ignore[arg-type]
    except (APIException, AppError, DatabaseError, InterfaceError):
        return False  # A probe needs no credential: it is told what anybody is.
    actor = context.actor()
    return actor is not None and actor.is_superuser


@transaction.non_atomic_requests
@require_safe
def full(request: HttpRequest) -> JsonResponse:
    """The state of each thing the service depends on; 503 while requests cannot be served."""
    figures = _figures() if _asked_by_platform(request) else None
    return JsonResponse({**report(), "figures": figures})
