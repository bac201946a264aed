"""Probes: alive (the process answers) and ready (what it needs is there).

Redis is not needed to serve: without it the service is degraded, not down.
"""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.conf import settings
from django.core.cache import InvalidCacheBackendError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from noren_kit.core.errors import Unavailable
from noren_kit.observability import draining
from noren_kit.observability.logging import get_logger

_log = get_logger("noren.health")
_REDIS_TIMEOUT_SECONDS = 0.5


def _database() -> bool:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _migrations() -> bool:
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _cache() -> bool:
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
    )
    try:
        return bool(client.ping())
    finally:
        client.close()


def _check(name: str, probe: Callable[[], bool]) -> str:
    try:
        return "ok" if probe() else "failed"
    except (DatabaseError, InterfaceError, redis.RedisError, InvalidCacheBackendError) as error:
        _log.warning("health_check_failed", check=name, error=str(error))
        return "failed"


def _checks() -> dict[str, str]:
    return {
        "database": _check("database", _database),
        "migrations": _check("migrations", _migrations),
        "cache": _check("cache", _cache),
    }


@transaction.non_atomic_requests
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


def _report(checks: dict[str, str]) -> JsonResponse:
    if checks["database"] != "ok" or checks["migrations"] != "ok":
        raise Unavailable(retry_after=5, details={"status": "failed", "checks": checks})
    status = "ok" if set(checks.values()) == {"ok"} else "degraded"
    timestamp = timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return JsonResponse({"status": status, "timestamp": timestamp, "checks": checks})


@transaction.non_atomic_requests
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when requests can be served; 503 while the database or its schema is not there,
    and from the moment the server is asked to stop.
    """
    if draining.is_draining():
        raise Unavailable(retry_after=5, details={"status": "stopping"})
    return _report(_checks())
