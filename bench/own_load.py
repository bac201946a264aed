"""The load where there is no wrk: the same requests over as many connections, from one process.

Run as a program by load.py. Bare sockets and one loop over them (epoll(7)), for what this costs
is taken from the systems; load.py says how busy it was.
"""

from __future__ import annotations

import json
import select
import socket
import statistics
import sys
import time
from pathlib import Path

BLOCK = 262_144
TIMEOUT_SECONDS = 60.0


def read_requests(file: Path) -> list[tuple[bytes, bytes]]:
    """What load.py wrote: two lengths, a line break, bytes so long, and another line break.

    Between the two goes the number of what is sent, unless there is nothing after it.
    """
    found, content, at = [], file.read_bytes(), 0
    while at < len(content):
        start = content.index(b"\n", at) + 1
        before, after = map(int, content[at:start].split())
        middle, end = start + before, start + before + after
        found.append((content[start:middle], content[middle:end]))
        at = end + 1
    return found


class Connection:
    """A socket and the answer that is arriving on it."""

    __slots__ = ("began", "missing", "received", "socket")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = 0.0
        self.missing = 0
        self.received = b""


class Load:
    """Requests in turn, each by the connection that is free."""

    def __init__(self, port: int, requests: list[tuple[bytes, bytes]], seconds: float) -> None:
        self.address = ("127.0.0.1", port)
        self.requests, self.seconds = requests, seconds
        self.at, self.errors = 0, 0
        self.taken: list[float] = []
        self.block = memoryview(bytearray(BLOCK))
        self.poll = select.epoll()
        self.open: dict[int, Connection] = {}

    def run(self, connections: int) -> None:
        """Ask until the time is over, then wait for what is under way."""
        self.ends = time.perf_counter() + self.seconds
        for _number in range(connections):
            self._begin(None)
        while self.open:
            ready = self.poll.poll(TIMEOUT_SECONDS)
            if not ready:
                self.errors += len(self.open)
                return
            for number, _event in ready:
                self._receive(self.open[number])

    def _begin(self, connection: Connection | None) -> None:
        """Send the next request; a new connection where there is none, or where it has ended."""
        began = time.perf_counter()
        if began >= self.ends:
            if connection is not None:
                self._close(connection)
            return
        if connection is None:
            connection = Connection(self.address)
            self.open[connection.socket.fileno()] = connection
            self.poll.register(connection.socket, select.EPOLLIN)
        connection.began, connection.missing = began, 0
        before, after = self.requests[self.at % len(self.requests)]
        self.at += 1
        try:
            connection.socket.sendall(b"%b%d%b" % (before, self.at, after) if after else before)
        except OSError:
            self._fail(connection)

    def _receive(self, connection: Connection) -> None:
        try:
            size = connection.socket.recv_into(self.block)
        except OSError:
            size = 0
        if not size:
            self._fail(connection)
        elif connection.missing:
            connection.missing -= size
            if connection.missing <= 0:
                self._end(connection)
        else:
            connection.received += self.block[:size]
            self._read_head(connection)

    def _read_head(self, connection: Connection) -> None:
        """How much of the answer is still to come, once its head is there."""
        head, end, body = connection.received.partition(b"\r\n\r\n")
        if not end:
            return
        head = head.lower()
        status = int(head[9:12])
        self.errors += status >= 400
        length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        bare = status in (204, 304)
        # A body of unknown length can't be told from the next answer.
        self.errors += not length and not bare
        expected = int(length) if length and not bare else 0
        connection.missing = expected - len(body)
        # Of a body that is over, only the head matters from here.
        connection.received = head
        if connection.missing <= 0:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        """An answer is complete: ask again, over the same connection if the server keeps it."""
        self.taken.append(time.perf_counter() - connection.began)
        closing = b"\r\nconnection: close" in connection.received
        connection.received = b""
        if closing:
            self._close(connection)
            self._begin(None)
        else:
            self._begin(connection)

    def _fail(self, connection: Connection) -> None:
        self.errors += 1
        self.taken.append(time.perf_counter() - connection.began)
        self._close(connection)
        self._begin(None)

    def _close(self, connection: Connection) -> None:
        del self.open[connection.socket.fileno()]
        self.poll.unregister(connection.socket)
        connection.socket.close()


def main() -> None:
    port, seconds, connections, file = sys.argv[1:]
    load = Load(int(port), read_requests(Path(file)), float(seconds))
    started = time.perf_counter()
    load.run(int(connections))
    elapsed = time.perf_counter() - started
    cuts = [1e3 * cut for cut in statistics.quantiles(load.taken or [0.0, 0.0], n=100)]
    facts = {
        "requests": len(load.taken),
        "seconds": elapsed,
        "errors": load.errors,
        **{f"p{at}": cuts[at - 1] for at in (50, 95, 99)},
    }
    print("RESULT", json.dumps(facts))


if __name__ == "__main__":
    main()
