"""The resolver hangs: with the connections that are there, after all were cut, and at a start."""

from __future__ import annotations

import http.client
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import redis

from noren_kit.stack.errors import StackError
from noren_kit.stack.ports import LOOPBACK
from noren_kit.stack.probing import probe
from rehearsal.application import READY
from rehearsal.stage import Stage

LIVE = "/health/live/"
HANGS_SECONDS, ROUND_SECONDS = 25.0, 5.0
# For a probe; and, once names are resolved again, for a process that never knew them.
PROBE_SECONDS, READY_SECONDS = 2.0, 10.0
BACK_ENDS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE usename LIKE 'noren%%' AND pid <> pg_backend_pid()"
)


def hangs(stage: Stage) -> None:
    name = "the resolver hangs"
    with _hanging(stage):
        _watch(stage, name, stage.servers.web_ports)


def hangs_and_all_is_cut(stage: Stage) -> None:
    name = "the resolver hangs, connections cut"
    with _hanging(stage):
        _watch(stage, name, stage.servers.web_ports, cut=True)


def hangs_at_a_start(stage: Stage) -> None:
    """One more web process comes up meanwhile, and knows no address."""
    application, name = stage.application, "web starts while the resolver hangs"
    with _hanging(stage):
        port = application.start_web("web-unresolved", wait=False)
        alive = stage.eventually(lambda: _status(port, LIVE) == "200")
        stage.report.check(f"{name}: it comes up", alive)
        _watch(stage, name, [port])
    began = time.monotonic()
    application.await_ready(port)
    seconds = time.monotonic() - began
    stage.report.check(f"{name}: ready afterwards", seconds < READY_SECONDS, f"{seconds:.1f} s")
    application.stop("web-unresolved")


def cut_connections(stage: Stage) -> None:
    """End everybody's connections to PgBouncer (its KILL may crash it), PostgreSQL and Redis."""
    servers = stage.servers
    servers.running["pgbouncer"].stop()
    servers.run_pgbouncer()
    stage.ask_database(BACK_ENDS)
    with redis.Redis(LOOPBACK, servers.redis_port, password=servers.redis_password) as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


@contextmanager
def _hanging(stage: Stage) -> Iterator[None]:
    if stage.resolver is None:
        raise StackError("There is no resolver of our own.")
    stage.resolver.hangs = True
    try:
        yield
    finally:
        stage.resolver.hangs = False


def _watch(stage: Stage, name: str, ports: Iterable[int], *, cut: bool = False) -> None:
    """Ask the probes for a while; `cut` ends all connections at the begin of each round."""
    report, slowest, over = stage.report, 0.0, time.monotonic() + HANGS_SECONDS
    answers: dict[str, Counter[str]] = {LIVE: Counter(), READY: Counter()}
    while time.monotonic() < over:
        if cut:
            cut_connections(stage)
        for port in ports:
            for path, seen in answers.items():
                began = time.monotonic()
                seen[_status(port, path)] += 1
                slowest = max(slowest, time.monotonic() - began)
        time.sleep(ROUND_SECONDS)
    told = {path: dict(seen) for path, seen in answers.items()}
    report.note(f"{name}: probes {told}, slowest {slowest:.1f} s")
    report.equal(f"{name}: alive all the while", set(answers[LIVE]), {"200"})
    report.check(f"{name}: probes wait {PROBE_SECONDS:.0f} s", slowest < PROBE_SECONDS, slowest)


def _status(port: int, path: str) -> str:
    try:
        return probe(port, path)[:3]
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
