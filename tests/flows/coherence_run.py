"""One run of the coherence test: web processes, a Redis in trouble, readers and writers."""

from __future__ import annotations

import multiprocessing
import os
import queue
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import redis
from coherence_facts import Board
from coherence_readers import Broken, Line, Plan, Tally, read_all, run_readers
from coherence_world import World
from coherence_writers import Task, run_writers

from noren_kit.stack.ports import LOOPBACK, any_free
from noren_kit.stack.process import GuardedProcess
from noren_kit.stack.redis import EmbeddedRedis
from noren_kit.testing.live import START_SECONDS, ServerStartError

READER_PROCESSES, READER_THREADS = 2, 6
MOST_LOG = 4_000
_SERVER = "--interface wsgi --workers 1 --blocking-threads 2 --no-ws --no-access-log"


@dataclass(frozen=True)
class Rates:
    """How long a run is, and how rough: of a writer's turn, of the rest after it, and so on."""

    seconds: float
    least_reads: int = 0
    least_writes: int = 0
    most_seconds: float = 300.0
    web_processes: int = 4
    burst_seconds: float = 0.6
    rest_seconds: float = 0.4
    trouble_pause_seconds: float = 2.0
    slow: float = 0.03
    mutant: str = ""


@dataclass
class Outcome:
    """What a run did, and what went wrong in it."""

    seconds: float = 0.0
    reads: Counter[str] = field(default_factory=Counter)
    writes: int = 0
    kills: int = 0
    restarts: int = 0
    trouble: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        reads = self.reads["READS"]
        return (
            f"{reads} reads in {self.seconds:.0f} s, {reads / max(self.seconds, 1):.0f} a second"
            f" ({self.reads['HITS']} hits, {self.reads['UNCHANGED']} times 304,"
            f" {self.reads['FRESH']} made anew, {self.reads['BROKEN']} broken);"
            f" {self.writes} writes, {self.kills} killed, {self.restarts} restarts;"
            f" Redis: {dict(self.trouble)}; stale: {len(self.faults)}"
        )


class WebProcesses:
    """Real servers of one process each, started again when they die."""

    def __init__(self, folder: Path, count: int, environment: dict[str, str]) -> None:
        self.ports = [any_free() for _ in range(count)]
        self.restarts = 0
        self._folder = folder
        paths = os.pathsep.join([str(Path(__file__).parent), os.environ["PYTHONPATH"]])
        self._environment = {**os.environ, **environment, "PYTHONPATH": paths}
        self._running: dict[int, GuardedProcess] = {}
        self._ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep)

    def __enter__(self) -> WebProcesses:
        self._running = {port: self._start(port) for port in self.ports}
        self._keeper.start()
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        self._keeper.join()
        for process in self._running.values():
            process.ask_to_stop()
        for process in self._running.values():
            process.stop()

    def _start(self, port: int) -> GuardedProcess:
        place = f"--host {LOOPBACK} --port {port}"
        command = [sys.executable, "-m", "granian", *_SERVER.split(), *place.split()]
        with self._log(port).open("ab") as output:
            process = GuardedProcess(
                [*command, "coherence_server:application"], env=self._environment, output=output
            )
            process.start()
        return process

    def _log(self, port: int) -> Path:
        return self._folder / f"web-{port}.log"

    def _keep(self) -> None:
        while not self._ending.wait(0.05):
            for port, process in self._running.items():
                if process.poll() is not None:
                    self._running[port] = self._start(port)
                    self.restarts += 1

    def wait_until_ready(self) -> None:
        """Until each has been started and answers; raises `ServerStartError` with its output."""
        deadline = time.monotonic() + START_SECONDS
        for port in self.ports:
            while not _is_ready(port):
                if time.monotonic() > deadline:
                    raise ServerStartError(self._log(port).read_text(errors="replace")[-MOST_LOG:])
                time.sleep(0.1)


def _is_ready(port: int) -> bool:
    try:
        with closing(Line(port)) as line:
            return line.ask(b"GET /health/ready/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")[0] == 200
    except Broken:
        return False


class RedisInTrouble:
    """A Redis for the cache alone: flushed, frozen, killed; back empty, or with what it had."""

    WAYS = (
        "flushed",
        "frozen",
        "flushed",
        "back with its data",
        "back empty",
        "back with old data",
    )

    def __init__(self, folder: Path, pause_seconds: float) -> None:
        self.server = EmbeddedRedis(folder / "redis")
        self.done: Counter[str] = Counter()
        self._dump, self._old = folder / "redis" / "dump.rdb", folder / "old.rdb"
        self._pause = pause_seconds
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.error: BaseException | None = None

    def __enter__(self) -> RedisInTrouble:
        self.server.start()
        return self

    def begin(self) -> None:
        """From now on there is trouble."""
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
        self.server.stop()

    def _run(self) -> None:
        turn = 0
        try:
            while not self._ending.wait(random.uniform(0.5, 1.5) * self._pause):
                way = self.WAYS[turn % len(self.WAYS)]
                self._trouble(way)
                self.done[way] += 1
                turn += 1
        except BaseException as error:
            self.error = error
            raise

    def _trouble(self, way: str) -> None:
        if way == "frozen":
            os.kill(self.server.pid, signal.SIGSTOP)
            self._ending.wait(1)
            os.kill(self.server.pid, signal.SIGCONT)
            return
        with redis.Redis.from_url(self.server.url, socket_timeout=20) as client:
            if way == "flushed":
                client.flushall()
                return
            client.save()
        if way == "back with old data":
            shutil.copyfile(self._old, self._dump)
        elif way == "back empty":
            # What is there now comes back later, when all of it is old.
            self._dump.replace(self._old)
        os.kill(self.server.pid, signal.SIGKILL)
        self._ending.wait(random.uniform(0, 1))
        while not self.server.ensure_running():
            time.sleep(0.02)


def _truths(world: World) -> list[int]:
    """What the database holds of all facts."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as database:
        setting = "SELECT set_config('app.tenant_id', %s, false)"
        database.execute(setting, [str(world.shop.tenant.id)])
        found = [database.execute(fact.truth).fetchone() for fact in world.facts.all]
    return [int(row[0]) for row in found if row is not None]


def _head(token: str, language: str) -> bytes:
    return f"Authorization: Bearer {token}\r\nAccept-Language: {language}\r\n".encode()


class Run:
    """One run; `run()` returns what came of it."""

    def __init__(self, world: World, folder: Path, rates: Rates) -> None:
        self.world, self.folder, self.rates = world, folder, rates
        self.context = multiprocessing.get_context("spawn")
        self.board = Board(self.context, len(world.facts.all))
        self.stop = self.context.RawValue("b", 0)
        self.reports: Any = self.context.Queue()
        self.readers = READER_PROCESSES * READER_THREADS
        self.writers = len(world.groups) + 2
        self.tallies = self.context.RawArray("q", self.readers * len(Tally))
        self.writes, self.kills = (self.context.RawArray("q", self.writers) for _ in range(2))
        self.outcome = Outcome()

    def run(self) -> Outcome:
        self._acknowledge_truth()
        with ExitStack() as stack:
            trouble = stack.enter_context(
                RedisInTrouble(self.folder, self.rates.trouble_pause_seconds)
            )
            environment = {
                "CACHE_REDIS_URL": trouble.server.url,
                "COHERENCE_SLOW": str(self.rates.slow),
                "COHERENCE_MUTANT": self.rates.mutant,
            }
            web = stack.enter_context(
                WebProcesses(self.folder, self.rates.web_processes, environment)
            )
            plan = self._plan(web.ports)
            self._checked(plan, web.ports[:1])
            trouble.begin()
            with self._clients(plan, web.ports):
                self._watch(trouble)
            self._add_up(web, trouble)
            if not self.outcome.faults and not self.rates.mutant:
                self._acknowledge_truth()
                web.wait_until_ready()
                self._checked(plan, web.ports)
        return self.outcome

    def _acknowledge_truth(self) -> None:
        """From now on all that is committed is known; nothing acknowledged may be missing."""
        moment = time.monotonic()
        for fact, value in enumerate(_truths(self.world)):
            before, name = self.board.values[fact], self.world.facts.all[fact].name
            if value < before:
                self.outcome.faults.append(f"lost: {name} was at {before} and is at {value}")
            self.board.note(fact, value, moment)

    def _checked(self, plan: Plan, ports: list[int]) -> None:
        """Everything once from each of these, while nobody writes."""
        try:
            read_all(plan, ports)
        except AssertionError as error:
            self.outcome.faults.append(f"at rest: {error}")

    def _plan(self, ports: list[int]) -> Plan:
        shop = self.world.shop
        callers = [_head(shop.token("owner"), "en"), _head(shop.token("staff"), "ja")]
        questions, facts = self.world.questions, self.world.facts
        return Plan(ports, callers, questions, facts, self.board, self.tallies, self.stop)

    def _task(self, ports: list[int]) -> Task:
        return Task(
            ports=ports,
            caller=_head(self.world.shop.token("owner"), "en"),
            groups=self.world.groups,
            people=self.world.people,
            gone=self.world.gone,
            facts=self.world.facts,
            board=self.board,
            tenant=str(self.world.shop.tenant.id),
            database_url=os.environ["DATABASE_OWNER_URL"],
            burst_seconds=self.rates.burst_seconds,
            rest_seconds=self.rates.rest_seconds,
            writes=self.writes,
            kills=self.kills,
            stop=self.stop,
        )

    @contextmanager
    def _clients(self, plan: Plan, ports: list[int]) -> Iterator[None]:
        share = self.readers // READER_PROCESSES
        numbers = [list(range(n * share, (n + 1) * share)) for n in range(READER_PROCESSES)]
        clients = [
            self.context.Process(target=run_readers, args=(plan, each, self.reports), daemon=True)
            for each in numbers
        ]
        writer = self.context.Process(
            target=run_writers, args=(self._task(ports), self.reports), daemon=True
        )
        for client in (*clients, writer):
            client.start()
        started = time.monotonic()
        try:
            yield
        finally:
            self.stop.value = 1
            self.outcome.seconds = time.monotonic() - started
            self._collect()
            for client in (*clients, writer):
                client.join(timeout=60)
                if client.exitcode != 0:
                    self.outcome.faults.append(f"a client ended with {client.exitcode}")
                    client.kill()
            self._collect()

    def _watch(self, trouble: RedisInTrouble) -> None:
        started = told = time.monotonic()
        while not self.stop.value:
            time.sleep(0.2)
            now = time.monotonic()
            if trouble.error is not None or now - started > self.rates.most_seconds:
                return
            if now - told > 30:
                told = now
                print(f"{now - started:.0f} s: {self._reads()} reads, {sum(self.writes)} writes")
            done = self._reads() >= self.rates.least_reads
            done = done and sum(self.writes) >= self.rates.least_writes
            if done and now - started >= self.rates.seconds:
                return

    def _reads(self) -> int:
        return sum(self.tallies[Tally.READS :: len(Tally)])

    def _collect(self) -> None:
        while True:
            try:
                self.outcome.faults.append(self.reports.get(timeout=0.2))
            except queue.Empty:
                return

    def _add_up(self, web: WebProcesses, trouble: RedisInTrouble) -> None:
        outcome = self.outcome
        for tally in Tally:
            outcome.reads[tally.name] = sum(self.tallies[tally :: len(Tally)])
        outcome.writes, outcome.kills = sum(self.writes), sum(self.kills)
        outcome.restarts, outcome.trouble = web.restarts, trouble.done
        if trouble.error is not None:
            outcome.faults.append(f"Redis: {trouble.error!r}")
