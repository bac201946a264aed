"""`relay`: hand due deliveries to the workers until told to stop."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, connections

from noren_kit.observability.logging import get_logger
from noren_kit.observability.scraping import serve_metrics
from noren_kit.outbox.relay import RELAY_ALIAS, measure, relay_once
from noren_kit.tenancy.startup import refuse_unsafe_database

_IDLE_SECONDS = 0.5
_MEASURE_SECONDS = 15.0
_DATABASE_AWAY_SECONDS = 2.0
_log = get_logger("noren.relay")


class Command(BaseCommand):
    help = "Hand due outbox deliveries to the workers until SIGTERM or SIGINT."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_unsafe_database(RELAY_ALIAS, variable="DATABASE_RELAY_URL", migrated=False)
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        serve_metrics()
        measured = 0.0
        _log.info("relay_started")
        while not stopping.is_set():
            try:
                if time.monotonic() >= measured:
                    measure()
                    measured = time.monotonic() + _MEASURE_SECONDS
                pause = 0.0 if relay_once() else _IDLE_SECONDS
            except (OperationalError, InterfaceError) as error:
                _log.warning("database_away", error=str(error))
                connections[RELAY_ALIAS].close()
                pause = _DATABASE_AWAY_SECONDS
            stopping.wait(pause)
        _log.info("relay_stopped")
