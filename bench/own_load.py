"""The load where there is no wrk: the same requests over as many connections, from one process.

Run as a program by load.py. Slower than wrk: a fast system is measured too low, not too high.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path


def read_requests(file: Path) -> list[bytes]:
    """What load.py wrote: lengths and bytes."""
    found, rest = [], file.read_bytes()
    while rest:
        length, _line, rest = rest.partition(b"\n")
        found.append(rest[: int(length)])
        rest = rest[int(length) + 1 :]
    return found


class Load:
    """Requests in turn, each by the connection that is free."""

    def __init__(self, port: int, requests: list[bytes], seconds: float) -> None:
        self.port, self.requests, self.seconds = port, requests, seconds
        self.at, self.errors = 0, 0
        self.taken: list[float] = []

    async def run(self, connections: int) -> None:
        self.ends = time.perf_counter() + self.seconds
        await asyncio.gather(*(self._connection() for _ in range(connections)))

    async def _connection(self) -> None:
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        while time.perf_counter() < self.ends:
            request = self.requests[self.at % len(self.requests)]
            self.at += 1
            started = time.perf_counter()
            try:
                if reader is None or writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(request)
                kept = await self._answer(reader)
            except (OSError, EOFError):
                self.errors += 1
                kept = False
            self.taken.append(time.perf_counter() - started)
            if not kept and writer is not None:
                writer.close()
                reader = writer = None
        if writer is not None:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> bool:
        """Read one answer; whether the connection stays."""
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        self.errors += status >= 400
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
        if length and status not in (204, 304):
            await reader.readexactly(int(length))
        return b"connection: close" not in head


def main() -> None:
    port, seconds, connections, file = sys.argv[1:]
    load = Load(int(port), read_requests(Path(file)), float(seconds))
    started = time.perf_counter()
    asyncio.run(load.run(int(connections)))
    cuts = [1e3 * cut for cut in statistics.quantiles(load.taken, n=100)]
    facts = {
        "requests": len(load.taken),
        "seconds": time.perf_counter() - started,
        "errors": load.errors,
        **{f"p{at}": cuts[at - 1] for at in (50, 95, 99)},
    }
    print("RESULT", json.dumps(facts))


if __name__ == "__main__":
    main()
