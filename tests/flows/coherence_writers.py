"""Writers of the coherence test: they raise facts over HTTP and note what was acknowledged.

One request in a hundred kills its web process after the commit: its client gets no answer, the
write may stand or not, and the database is asked what it holds before the writer goes on.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg
from coherence_facts import GONE, Board, Facts
from coherence_readers import HOST, Broken, Line

KILL = b"X-Coherence-Fault: kill\r\n"
KILL_EVERY = 100
API = "/api/v1/"
SUPPLIERS = f"{API}suppliers/"


@dataclass(frozen=True, slots=True)
class Write:
    """A request that raises facts by so much; in `body` a `{n}` stands for a number of its own.

    With `sets` that number is what its only fact is at afterwards.
    """

    method: str
    path: str
    body: str
    raises: tuple[tuple[int, int], ...] = ()
    sets: bool = False


@dataclass
class Task:
    """What writers are given. A group has one thread, and its facts are raised by it alone."""

    ports: list[int]
    caller: bytes
    groups: list[list[Write]]
    people: list[tuple[str, str, int]]
    gone: int
    facts: Facts
    board: Board
    tenant: str
    database_url: str
    burst_seconds: float
    rest_seconds: float
    writes: Any
    kills: Any
    stop: Any


class Writer:
    """One thread's requests, to one web process after the other."""

    def __init__(self, task: Task, number: int) -> None:
        self.task, self.number = task, number
        self.random = random.Random(-number)
        self.sent = self.turn = 0
        # By fact, the highest number that was sent for it, acknowledged or not.
        self.highest: dict[int, int] = {}
        self.line: Line | None = None
        self.database = psycopg.connect(task.database_url)
        setting = "SELECT set_config('app.tenant_id', %s, false)"
        self.database.execute(setting, [task.tenant])
        self.database.commit()

    def run(self, step: Callable[[], None]) -> None:
        while not self.task.stop.value:
            if self._has_turn():
                step()
                time.sleep(self.random.uniform(0, 0.1))
            else:
                time.sleep(0.02)
        self.database.close()

    def _has_turn(self) -> bool:
        """One writer has its turn after the other, then all at once, with a rest between turns.

        Where all write all the time, each answer is made anew for one reason or another; and in
        the rests what was kept by mistake is seen.
        """
        turn, since = divmod(time.monotonic(), self.task.burst_seconds + self.task.rest_seconds)
        writers = len(self.task.groups) + 2
        chosen = int(turn) % (writers + 1)
        return since < self.task.burst_seconds and chosen in (self.number, writers)

    def ask(self, method: str, path: str, body: str = "") -> tuple[int, Any]:
        """The status and the answer; raises `Broken` where none came."""
        self.sent += 1
        kill = self.sent % KILL_EVERY == (10 + 17 * self.number) % KILL_EVERY
        self.task.writes[self.number] += 1
        self.task.kills[self.number] += kill
        data = body.encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(data)}\r\n"
        request = head.encode() + self.task.caller + (KILL if kill else b"") + b"\r\n" + data
        line = self._connected()
        try:
            status, _head, answer = line.ask(request)
        except Broken:
            self._leave()
            raise
        if self.sent % 20 == 0:
            self._leave()
        return status, orjson.loads(answer) if answer else None

    def _connected(self) -> Line:
        while self.line is None:
            self.turn += 1
            try:
                self.line = Line(self.task.ports[self.turn % len(self.task.ports)])
            except Broken:
                time.sleep(0.02)
        return self.line

    def _leave(self) -> None:
        if self.line is not None:
            self.line.close()
        self.line = None

    def write(self, write: Write) -> None:
        board = self.task.board
        number = self.sent + 1
        if write.sets:
            fact = write.raises[0][0]
            number = max(board.values[fact], self.highest.get(fact, 0)) + 1
            self.highest[fact] = number
        body = write.body.replace("{n}", str(number))
        try:
            status, answer = self.ask(write.method, write.path, body)
        except Broken:
            self._look_up([fact for fact, _by in write.raises])
            return
        moment = time.monotonic()
        assert status in (200, 201, 204), f"{write}: {status} {answer}"
        for fact, by in write.raises:
            board.note(fact, number if write.sets else board.values[fact] + by, moment)
        self._add_up([fact for fact, _by in write.raises])

    def _look_up(self, facts: Sequence[int]) -> None:
        """What nobody acknowledged: from here on, what the database holds is known."""
        for fact in facts:
            known = self.task.facts.all[fact]
            value, before = self._truth(known.truth), self.task.board.values[fact]
            assert value >= before, f"lost: {known.name} was at {before} and is at {value}"
            self.task.board.note(fact, value, time.monotonic())
        self._add_up(facts)

    def _add_up(self, facts: Sequence[int]) -> None:
        """Note the totals of these facts."""
        for total in self.task.facts.totals:
            if not set(facts).isdisjoint(total.members):
                value = total.value(self.task.board.values)
                self.task.board.note(total.fact, value, time.monotonic())

    def _truth(self, statement: str) -> int:
        row = self.database.execute(statement).fetchone()
        self.database.commit()
        assert row is not None, statement
        return int(row[0])

    def rename(self, person: tuple[str, str, int]) -> None:
        """A new number in a person's name, by SQL."""
        user, label, fact = person
        number = self.task.board.values[fact] + 1
        statement = "UPDATE accounts_user SET name = %s WHERE id = %s"
        self.database.execute(statement, [f"{label} #{number}", user])
        self.database.commit()
        self.task.board.note(fact, number, time.monotonic())

    def make_and_delete(self) -> None:
        """A supplier that is there for a moment; it is gone once the deletion was acknowledged."""
        number = self.task.board.values[self.task.gone] + 1
        body = f'{{"code": "gone-{number}", "name": "{GONE} #{number}"}}'
        status, answer = self._insist("POST", SUPPLIERS, body)
        if status == 409:  # An attempt that broke had made it.
            row = self.database.execute(
                "SELECT id FROM catalog_supplier WHERE code = %s", [f"gone-{number}"]
            ).fetchone()
            self.database.commit()
            assert row is not None
            identifier = row[0]
        else:
            assert status == 201, answer
            identifier = answer["id"]
        time.sleep(self.random.uniform(0, 0.1))
        status, answer = self._insist("DELETE", f"{SUPPLIERS}{identifier}/")
        assert status in (204, 404), answer
        self.task.board.note(self.task.gone, number, time.monotonic())

    def _insist(self, method: str, path: str, body: str = "") -> tuple[int, Any]:
        while True:
            try:
                return self.ask(method, path, body)
            except Broken:
                continue


def run_writers(task: Task, reports: Any) -> None:
    """A process of writers: a thread for each group, one for people, one for what goes again."""

    def run(number: int) -> None:
        try:
            writer = Writer(task, number)
            if number < len(task.groups):
                group = task.groups[number]
                writer.run(lambda: writer.write(writer.random.choice(group)))
            elif number == len(task.groups):
                writer.run(lambda: writer.rename(writer.random.choice(task.people)))
            else:
                writer.run(writer.make_and_delete)
        except BaseException as error:
            task.stop.value = 1
            reports.put(f"writer {number}: {type(error).__name__}: {error}")

    numbers = range(len(task.groups) + 2)
    threads = [threading.Thread(target=run, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
