"""Probes: alive (the process answers) and ready (what it needs is there).

Redis is not needed to serve: without it the service is degraded, not down. What is asked is asked
at the same time, with little patience, over connections of the probes' own, and the answers hold
for a second: a crowd of probes costs as much as one.
"""

from __future__ import annotations

import pkgutil
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

import redis
from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from noren_kit.core.conf import conf
from noren_kit.core.errors import Unavailable
from noren_kit.observability import draining
from noren_kit.observability.logging import get_logger

REUSED_SECONDS = 1.0
PATIENCE_SECONDS = 1.0
OK, FAILED = "ok", "failed"
_REDIS_TIMEOUT_SECONDS = 0.5
_RETRY_SECONDS = 5
_log = get_logger("noren.health")

Answers = Mapping[str, str]


@lru_cache(maxsize=1)
def expected_migrations() -> frozenset[tuple[str, str]]:
    """The migrations that this code comes with, by their files' names; read once a process."""
    found = set()
    for application in apps.get_app_configs():
        module, _explicit = MigrationLoader.migrations_module(application.label)
        if module is None:
            continue
        try:
            package = import_module(module)
        except ModuleNotFoundError:
            continue
        names = (each.name for each in pkgutil.iter_modules(package.__path__) if not each.ispkg)
        found |= {(application.label, name) for name in names if name[0] not in "_~"}
    return frozenset(found)


class _Database:
    """Over a connection of its own, which is kept: of those that serve, none is taken away."""

    def __init__(self) -> None:
        self._connection: BaseDatabaseWrapper | None = None

    def ask(self) -> Answers:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._made()
        was_kept = connection.connection is not None
        try:
            applied = self._applied(connection)
        except (DatabaseError, InterfaceError):
            if not was_kept:
                raise
            # It may have been ended; whether the database is there, a new one says.
            applied = self._applied(connection)
        missing = sorted(expected_migrations() - applied)
        if missing:
            _log.warning("migrations_missing", missing=[".".join(each) for each in missing])
        return {"database": OK, "migrations": FAILED if missing else OK}

    def forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    @staticmethod
    def _applied(connection: BaseDatabaseWrapper) -> set[tuple[str, str]]:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT app, name FROM django_migrations")
                return set(cursor.fetchall())
        except (DatabaseError, InterfaceError):
            connection.close()
            raise

    @staticmethod
    def _made() -> BaseDatabaseWrapper:
        made = connections[DEFAULT_DB_ALIAS].copy()
        made.inc_thread_sharing()
        # A network that swallows everything is given up on as well (libpq, "Parameter Key Words").
        impatient = {"connect_timeout": 2, "tcp_user_timeout": 2_000, "application_name": "probe"}
        made.settings_dict["OPTIONS"] = {**made.settings_dict["OPTIONS"], **impatient}
        made.settings_dict["CONN_HEALTH_CHECKS"] = False
        return made


def _ping(url: str, names: list[str]) -> Callable[[], Answers]:
    def ask() -> Answers:
        client = redis.Redis.from_url(
            url,
            socket_timeout=_REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
        )
        with client:
            return dict.fromkeys(names, OK if client.ping() else FAILED)

    return ask


class _Check:
    """One dependency, asked in a thread; one that hangs is not asked a second time meanwhile."""

    def __init__(self, names: list[str], ask: Callable[[], Answers]) -> None:
        self._names, self._ask = names, ask
        self._running: threading.Thread | None = None
        self._answers: Answers = {}

    def begin(self) -> None:
        if self._running is None or not self._running.is_alive():
            self._answers = {}
            self._running = threading.Thread(target=self._run, name="probe", daemon=True)
            self._running.start()

    def end(self, deadline: float) -> Answers:
        """What was answered until then (`time.monotonic`); silence is failure."""
        if self._running is not None:
            self._running.join(max(0.0, deadline - time.monotonic()))
            if self._running.is_alive():
                _log.warning("health_check_failed", checks=self._names, error="no answer in time")
                return dict.fromkeys(self._names, FAILED)
        return {name: self._answers.get(name, FAILED) for name in self._names}

    def _run(self) -> None:
        try:
            self._answers = self._ask()
        except (DatabaseError, InterfaceError, redis.RedisError, OSError) as error:
            _log.warning("health_check_failed", checks=self._names, error=str(error))


class Checks:
    """All dependencies, by what they are needed for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, str] = {}
        self._fresh_until = 0.0
        self._database = _Database()
        uses: dict[str, list[str]] = {}
        for name, url in (
            ("cache", conf.CACHE_REDIS_URL),
            ("limits", conf.LIMITS_REDIS_URL),
            ("broker", ""),
        ):
            uses.setdefault(url or settings.REDIS_URL, []).append(name)
        self._checks = [
            _Check(["database", "migrations"], self._database.ask),
            *(_Check(names, _ping(url, names)) for url, names in uses.items()),
        ]

    def answers(self) -> dict[str, str]:
        """`ok` or `failed` by name, at most a second old; takes a second at most."""
        with self._lock:
            if time.monotonic() >= self._fresh_until:
                for check in self._checks:
                    check.begin()
                deadline = time.monotonic() + PATIENCE_SECONDS
                self._answers = {}
                for check in self._checks:
                    self._answers |= check.end(deadline)
                self._fresh_until = time.monotonic() + REUSED_SECONDS
            return dict(self._answers)

    def forget(self) -> None:
        """Ask anew, over new connections, the next time."""
        with self._lock:
            self._fresh_until = 0.0
            self._database.forget()


@lru_cache(maxsize=1)
def checks() -> Checks:
    """This process's."""
    expected_migrations()  # Read now, and not within the time that a check has.
    return Checks()


@transaction.non_atomic_requests
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


def report() -> dict[str, Any]:
    """What the probes say; raises `Unavailable` (503) while requests cannot be served."""
    answers = checks().answers()
    if FAILED in (answers["database"], answers["migrations"]):
        raise Unavailable(retry_after=_RETRY_SECONDS, details={"status": FAILED, "checks": answers})
    status = OK if set(answers.values()) == {OK} else "degraded"
    timestamp = timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"status": status, "timestamp": timestamp, "checks": answers}


@transaction.non_atomic_requests
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when requests can be served; 503 while the database or its schema is not there,
    and from the moment the server is asked to stop.
    """
    if draining.is_draining():
        raise Unavailable(retry_after=5, details={"status": "stopping"})
    return JsonResponse(report())
