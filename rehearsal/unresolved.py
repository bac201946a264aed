"""The resolver hangs: with the connections that are there, and after all of them were cut."""

from __future__ import annotations

import http.client
import time
from collections import Counter

import psycopg
import redis

from noren_kit.stack.ports import LOOPBACK
from noren_kit.stack.probing import probe
from rehearsal.application import READY
from rehearsal.servers import DATABASE
from rehearsal.stage import Stage

HANGS_SECONDS = 25.0
# Of a probe: as long as an orchestrator waits for one by default, and some.
PROBE_SECONDS = 2.0
BACK_ENDS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE usename LIKE 'noren%%' AND pid <> pg_backend_pid()"
)


def hangs(stage: Stage) -> None:
    _hang(stage, "the resolver hangs", cut=False)


def hangs_and_all_is_cut(stage: Stage) -> None:
    _hang(stage, "the resolver hangs, connections cut", cut=True)


def cut_connections(stage: Stage) -> None:
    """End the clients' connections to pooler and Redis, and the back ends themselves."""
    with psycopg.connect(stage.servers.pooler_url(), autocommit=True) as console:
        console.execute(f"KILL {DATABASE}")
        console.execute(f"RESUME {DATABASE}")
    stage.ask_database(BACK_ENDS)
    servers = stage.servers
    with redis.Redis(LOOPBACK, servers.redis_port, password=servers.redis_password) as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def _hang(stage: Stage, name: str, *, cut: bool) -> None:
    if stage.resolver is None:
        return
    live: Counter[str] = Counter()
    ready: Counter[str] = Counter()
    slowest = 0.0
    stage.resolver.hangs = True
    over = time.monotonic() + HANGS_SECONDS
    try:
        while time.monotonic() < over:
            if cut:
                cut_connections(stage)
            for port in stage.servers.web_ports:
                for path, answers in (("/health/live/", live), (READY, ready)):
                    began = time.monotonic()
                    answers[_status(port, path)] += 1
                    slowest = max(slowest, time.monotonic() - began)
            time.sleep(5)
    finally:
        stage.resolver.hangs = False
    report = stage.report
    report.note(f"{name}: live {dict(live)}, ready {dict(ready)}, slowest {slowest:.1f} s")
    report.equal(f"{name}: live all the while", set(live), {"200"})
    report.check(
        f"{name}: probes answer in {PROBE_SECONDS:.0f} s", slowest < PROBE_SECONDS, slowest
    )


def _status(port: int, path: str) -> str:
    try:
        return probe(port, path)[:3]
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
