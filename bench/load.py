"""One round of load on one system, and reads that each follow a write."""

from __future__ import annotations

import json
import platform
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from processes import processor_seconds
from scenarios import IDEMPOTENCY_KEY, Request
from stack import LOOPBACK, SOURCES, System


@dataclass(frozen=True)
class Round:
    """Requests per second, percentiles in milliseconds, processor milliseconds per request.

    `connections` are those that asked at once.

    `processor_ms` counts the system and PostgreSQL (for Noren, Redis too); None where reads and
    writes alternate and can't be told apart. `client` is how busy the program that asked was, in
    cores: near 1, it is the program that was measured.
    """

    rate: float
    p50: float
    p95: float
    p99: float
    processor_ms: float | None
    connections: int
    client: float | None = None


class LoadError(RuntimeError):
    """A request failed, so nothing was measured; the message says where."""


def load_program() -> str:
    """`wrk`, or `own` where it is not installed."""
    return "wrk" if shutil.which("wrk") else "own"


def described(program: str) -> str:
    """The program's name with its version."""
    if program == "own":
        return f"bench/own_load.py on Python {platform.python_version()}"
    shown = subprocess.run([program, "-v"], capture_output=True, text=True, check=False)
    return " ".join((shown.stdout or shown.stderr or program).split()[:2])


def as_bytes(request: Request, system: System, headers: Mapping[str, str] | None = None) -> bytes:
    """The whole request as it goes over the wire (RFC 9112)."""
    fields = {"Host": f"{LOOPBACK}:{system.port}", **system.headers(), **(headers or {})}
    if request.body:
        fields["Content-Length"] = str(len(request.body))
    head = [f"{request.method} {request.path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*head, "", ""]).encode() + request.body


def around_number(
    request: Request, system: System, headers: Mapping[str, str] | None, load: str
) -> tuple[bytes, bytes]:
    """A keyed request before and after the number that ends its key; others whole, and nothing.

    `load` begins the keys of a load, whose programs number what they send.
    """
    if not request.keyed:
        return as_bytes(request, system, headers), b""
    raw = as_bytes(request, system, {**(headers or {}), IDEMPOTENCY_KEY: load})
    before, key, after = raw.partition(load.encode())
    return before + key, after


def run_load(
    system: System,
    requests: Sequence[Request],
    *,
    seconds: float,
    connections: int,
    roots: Sequence[int],
    headers: Mapping[str, str] | None = None,
    program: str = "wrk",
) -> Round:
    """Send `requests` in turn for some seconds; raises `LoadError` unless all succeed."""
    load = f"{uuid.uuid4().hex}-"
    with tempfile.NamedTemporaryFile(prefix="noren-bench-") as file:
        for request in requests:
            before, after = around_number(request, system, headers, load)
            file.write(b"%d %d\n%s%s\n" % (len(before), len(after), before, after))
        file.flush()
        command = _command(program, system, seconds, connections, Path(file.name))
        before, client_before = processor_seconds(roots), _client_seconds()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        used = processor_seconds(roots) - before
        client = _client_seconds() - client_before
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        raise LoadError(f"{system.name}: {program} failed: {done.stderr or done.stdout}")
    facts = json.loads(lines[0].removeprefix("RESULT "))
    if not facts["requests"]:
        raise LoadError(f"{system.name}: no answer to {requests[0].path} in {seconds:.0f} s")
    if facts["errors"]:
        raise LoadError(
            f"{system.name}: {facts['errors']} of {facts['requests']} requests failed,"
            f" the first being {requests[0].method} {requests[0].path}"
        )
    return Round(
        facts["requests"] / facts["seconds"],
        *(facts[name] for name in ("p50", "p95", "p99")),
        1e3 * used / facts["requests"],
        connections,
        client / facts["seconds"],
    )


def _client_seconds() -> float:
    """Processor time of the programs that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _command(
    program: str, system: System, seconds: float, connections: int, file: Path
) -> list[str]:
    if program == "own":
        values = [str(system.port), str(seconds), str(connections), str(file)]
        return [sys.executable, str(SOURCES / "own_load.py"), *values]
    options = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"]
    script = ["-s", str(SOURCES / "load.lua"), system.base_url, "--", str(file)]
    return ["wrk", *options, *script]


class Wire:
    """One bare connection, opened again where the server closes it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None

    def send(self, request: bytes) -> int:
        """The status of the answer, which is read to its end."""
        if self.socket is None:
            self.socket = socket.create_connection((LOOPBACK, self.port), timeout=60)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        head, _line, body = answer.partition(b"\r\n\r\n")
        head = head.lower()
        left = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]) - len(body)
        while left > 0:
            left -= len(self._more())
        if b"connection: close" in head:
            self.close()
        return int(head[9:12])

    def _more(self) -> bytes:
        block = self.socket.recv(65_536) if self.socket else b""
        if not block:
            raise LoadError(f"Port {self.port}: the connection ended within an answer.")
        return block

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def run_after_writes(
    system: System, reads: Sequence[Request], writes: Sequence[Request], *, seconds: float
) -> Round:
    """A write, then a read, over one connection; only the reads are timed."""
    wire = Wire(system.port)
    taken: list[float] = []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends or len(taken) < 20:
        at = len(taken)
        write, read = (
            as_bytes(requests[at % len(requests)], system) for requests in (writes, reads)
        )
        statuses = [wire.send(write)]
        started = time.perf_counter()
        statuses.append(wire.send(read))
        taken.append(time.perf_counter() - started)
        if max(statuses) >= 400:
            raise LoadError(f"{system.name}: {statuses} to a write and a read after it")
    wire.close()
    cuts = [1e3 * cut for cut in statistics.quantiles(taken, n=100)]
    return Round(len(taken) / sum(taken), cuts[49], cuts[94], cuts[98], None, 1)
