"""Readers of the coherence test: processes of a few threads, which ask without end and compare.

Raw sockets and requests made beforehand, so that nearly all of the machine is the server's.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from coherence_facts import Board, Facts, Question, stale

HOST = "127.0.0.1"
PATIENCE_SECONDS = 60.0
# Requests until a reader goes on to the next web process, and how many different ones.
STAY, FEW = 150, 12


class Tally(IntEnum):
    """What is counted in shared memory, a row for each thread."""

    READS = 0
    FRESH = 1
    HITS = 2
    UNCHANGED = 3
    BROKEN = 4


class Broken(Exception):
    """The connection ended without an answer."""


class Line:
    """A connection to one web process, kept open."""

    def __init__(self, port: int) -> None:
        try:
            self._socket = socket.create_connection((HOST, port), timeout=PATIENCE_SECONDS)
        except ConnectionError as error:
            raise Broken from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Status, head (in lower case but for its values) and body of the answer."""
        try:
            self._socket.sendall(request)
            head, body = self._receive()
        except ConnectionError as error:
            raise Broken from error
        return int(head[9:12]), head, body

    def _receive(self) -> tuple[bytes, bytes]:
        head, separator, body = self._more(), b"", b""
        while not separator:
            start, separator, body = head.partition(b"\r\n\r\n")
            if separator:
                head = start
            else:
                head += self._more()
        wanted = int(header(head, b"content-length") or 0)
        parts = [body]
        while wanted > len(body):
            parts.append(self._more())
            wanted -= len(parts[-1])
        return head, b"".join(parts)

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise Broken
        return data

    def close(self) -> None:
        self._socket.close()


def header(head: bytes, name: bytes) -> bytes | None:
    """The value of a header that is there once at most."""
    _before, found, after = head.partition(b"\r\n" + name + b": ")
    return after.partition(b"\r\n")[0] if found else None


@dataclass
class Plan:
    """What readers are given: whom to ask, what, as whom (headers), and what to compare with."""

    ports: list[int]
    callers: list[bytes]
    questions: list[Question]
    facts: Facts
    board: Board
    tallies: Any
    stop: Any

    def request(self, caller: bytes, question: Question) -> bytes:
        return b"GET %b HTTP/1.1\r\nHost: %b\r\n%b" % (
            question.path.encode(),
            HOST.encode(),
            caller,
        )


@dataclass(slots=True)
class Kept:
    """What a reader has of one address: request, tag, body, and the facts that it shows."""

    question: Question
    request: bytes
    tag: bytes | None = None
    body: bytes = b""
    shown: dict[int, int] | None = None


class Reader:
    """Asks one question after the other, of one web process after the other."""

    def __init__(self, plan: Plan, number: int) -> None:
        self.plan, self.turn = plan, number
        self.random = random.Random(number)
        self.row = number * len(Tally)
        self.kept = [
            Kept(question, plan.request(caller, question))
            for caller in plan.callers
            for question in plan.questions
        ]

    def run(self) -> None:
        """Until the flag or a stale read stops it; raises AssertionError for that."""
        while not self.plan.stop.value:
            self.turn += 1
            chosen = self.random.sample(self.kept, FEW)
            with suppress(Broken), self._line() as line:
                for _number in range(STAY):
                    if self.plan.stop.value:
                        return
                    self.read(line, self.random.choice(chosen))

    @contextmanager
    def _line(self) -> Iterator[Line]:
        try:
            with closing(Line(self.plan.ports[self.turn % len(self.plan.ports)])) as line:
                yield line
        except Broken:
            self._count(Tally.BROKEN)
            time.sleep(0.02)
            raise

    def read(self, line: Line, kept: Kept) -> None:
        """One question; raises AssertionError if the answer shows less than was acknowledged."""
        request = kept.request
        asked_with_tag = kept.tag is not None and self.random.random() < 0.7
        if asked_with_tag:
            request += b"If-None-Match: %b\r\n" % kept.tag
        acknowledged, moments = self.plan.board.now()
        began = time.monotonic()
        status, head, body = line.ask(request + b"\r\n")
        if status == 200:
            self._keep(kept, head, body)
            hit = b"hit" in (header(head, b"cache-status") or b"")
            self._count(Tally.HITS if hit else Tally.FRESH)
        elif status == 304 and asked_with_tag:
            self._count(Tally.UNCHANGED)
        else:
            raise AssertionError(f"{kept.question.path}: {status} {body!r}")
        self._count(Tally.READS)
        missed = stale(kept.shown or {}, acknowledged)
        if missed:
            told = [
                f"stale: {self.plan.facts.all[fact].name} was acknowledged at"
                f" {acknowledged[fact]}, {began - moments[fact]:.4f} s before the read began at"
                f" {began:.4f}, and is shown at {(kept.shown or {})[fact]}"
                for fact in missed
            ]
            raise AssertionError("\n".join([*told, *self._answer(kept, status, head)]))

    def _keep(self, kept: Kept, head: bytes, body: bytes) -> None:
        kept.tag = header(head, b"etag")
        if body != kept.body:
            kept.shown, kept.body = self.plan.facts.shown(body, kept.question), body

    def _count(self, what: Tally) -> None:
        self.plan.tallies[self.row + what] += 1

    def _answer(self, kept: Kept, status: int, head: bytes) -> list[str]:
        named = (b"cache-status", b"etag", b"x-request-id")
        said = ", ".join(f"{name.decode()}: {header(head, name)!r}" for name in named)
        caller = self.kept.index(kept) // len(self.plan.questions)
        place = f"caller {caller}, web process {self.turn % len(self.plan.ports)}"
        return [f"GET {kept.question.path} ({place}): {status}, {said}", kept.body.decode()[:3000]]


def read_all(plan: Plan, ports: list[int]) -> None:
    """Each question once to each of these web processes, in this process, without tags."""
    reader = Reader(plan, 0)
    for port in ports:
        with closing(Line(port)) as line:
            for kept in reader.kept:
                kept.tag = None
                reader.read(line, kept)


def run_readers(plan: Plan, numbers: list[int], reports: Any) -> None:
    """A process of readers, one for each number; what stops one is put into `reports`."""

    def run(number: int) -> None:
        try:
            Reader(plan, number).run()
        except BaseException as error:
            plan.stop.value = 1
            reports.put(f"reader {number}: {type(error).__name__}: {error}")

    threads = [threading.Thread(target=run, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
