"""Noren beside its baselines, in one run on one machine: `make bench`, `make bench-full`.

docs/guides/benchmarks.md says what each letter stands for and how the comparison is kept fair.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import report
from client import Client, sign_in
from data import SIZES, TOKEN_KEY, Size, clear, prepare
from data_plain import USERNAME
from equal import check_equal
from load import LoadError, Round, load_program, run_after_writes, run_load
from processes import memory_megabytes
from scenarios import PRODUCTS, Facts, Request, Requests, deep_page, list_page, read_facts
from stack import (
    PLAIN,
    SOURCES,
    WORKERS,
    Servers,
    System,
    forget,
    running_servers,
    started,
    systems,
)

CURSOR_PAGE_SIZE, CURSOR_REACH = 100, 0.8
MOST_CURSOR_ROWS = 100_000
HIT_SAMPLE = 100
SLOW_SECONDS = 0.5
# These fill tables that are empty at first. PostgreSQL keeps plans made for empty tables until they
# are analysed, which it does by itself within a minute: longer than a scenario takes.
FILLING = ("O", "mix")


@dataclass
class Measured:
    """What was found out about one system."""

    rounds: dict[str, list[Round]] = field(default_factory=dict)
    memory: list[float] = field(default_factory=list)
    hit_rate: float | None = None


@dataclass
class Bench:
    """One size on servers that run: every scenario, each system in turn, several rounds."""

    options: argparse.Namespace
    servers: Servers
    found: list[System]
    facts: Facts
    measured: dict[str, Measured] = field(default_factory=dict)
    # Seconds that a request takes alone, by system and by a scenario's first request.
    slowness: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def run(self) -> None:
        self.measured = {system.name: Measured() for system in self.found}
        for name, measure, takes_part in self._scenarios():
            if not self._wanted(name):
                continue
            for system in self.found:
                # Access tokens live for 15 minutes.
                sign_in(system, USERNAME, TOKEN_KEY)
            taking_part = [system for system in self.found if takes_part(system)]
            self._alternate(name, measure, taking_part)
        for system in self.found:
            self.measured[system.name].hit_rate = hit_rate(system, self.facts)

    def _wanted(self, name: str) -> bool:
        return not self.options.only or name in self.options.only

    def _alternate(
        self, name: str, measure: Callable[[System, float], Round], taking_part: list[System]
    ) -> None:
        for system in taking_part:
            measure(system, self.options.warm_up)
        if name in FILLING:
            for system in taking_part:
                self.servers.analyze(system.database)
        for at in range(self.options.rounds):
            # To and fro, so that what drifts with time meets all alike.
            for system in taking_part if at % 2 == 0 else reversed(taking_part):
                found = measure(system, self.options.seconds)
                own = self.measured[system.name]
                own.rounds.setdefault(name, []).append(found)
                own.memory.append(memory_megabytes(self._root(system)))
        rates = {
            system.name: statistics.median(
                each.rate for each in self.measured[system.name].rounds[name]
            )
            for system in taking_part
        }
        shown = ", ".join(f"{system} {rate:,.0f}/s" for system, rate in rates.items())
        print(f"{name}: {shown or 'n/a'}", flush=True)

    def _scenarios(
        self,
    ) -> Iterator[tuple[str, Callable[[System, float], Round], Callable[[System], bool]]]:
        """Name, how to measure it, and who takes part."""

        def everyone(_system: System) -> bool:
            return True

        def requests() -> Requests:
            return Requests(self.facts)

        yield "L", self._loading([list_page()]), everyone
        yield "D", self._loading(requests().details()), everyone
        yield "S", self._loading(requests().searches()), everyone
        yield "P", self._loading([deep_page()]), everyone
        walk = self._wanted("C1") or self._wanted("C")
        cursors = {system.name: deep_cursor(system) if walk else None for system in self.found}
        first = Request("GET", f"{PRODUCTS}?cursor=")
        yield "C1", self._loading([first]), lambda system: cursors[system.name] is not None
        yield (
            "C",
            lambda system, seconds: self._load(system, [_of(cursors, system)], seconds),
            lambda system: cursors[system.name] is not None,
        )
        tags = {system.name: entity_tag(system) for system in self.found}
        yield (
            "304",
            lambda system, seconds: self._load(
                system, [list_page()], seconds, {"If-None-Match": tags[system.name] or ""}
            ),
            lambda system: tags[system.name] is not None,
        )
        writes = requests().writes()
        yield (
            "L after a write",
            lambda system, seconds: run_after_writes(
                system, [list_page()], writes, seconds=seconds
            ),
            everyone,
        )
        details = requests().details()
        yield (
            "D after a write",
            lambda system, seconds: run_after_writes(system, details, writes, seconds=seconds),
            everyone,
        )
        yield "O", self._loading(requests().orders()), everyone
        yield "mix", self._loading(requests().mix()), everyone

    def _loading(self, requests: Sequence[Request]) -> Callable[[System, float], Round]:
        return lambda system, seconds: self._load(system, requests, seconds)

    def _load(
        self,
        system: System,
        requests: Sequence[Request],
        seconds: float,
        headers: dict[str, str] | None = None,
    ) -> Round:
        connections, seconds = self._for_slow(system, requests, seconds)
        roots = [self._root(system), self.servers.postgres.pid]
        if system.is_noren:
            roots.append(self.servers.redis.pid)
        return run_load(
            system,
            requests,
            seconds=seconds,
            connections=connections,
            roots=roots,
            headers=headers,
            program=self.options.program,
        )

    def _for_slow(
        self, system: System, requests: Sequence[Request], seconds: float
    ) -> tuple[int, float]:
        """Connections and seconds: fewer and more where most answers would never be waited for.

        A system that takes over half a second gets one connection per worker; every connection
        gets time for some four answers.
        """
        key = (system.name, requests[0].method, requests[0].path)
        if key not in self.slowness:
            began = time.perf_counter()
            with Client(system) as client:
                for request in requests[:3]:
                    client.send(request)
            self.slowness[key] = (time.perf_counter() - began) / len(requests[:3])
        one = self.slowness[key]
        connections = self.options.connections if one < SLOW_SECONDS else WORKERS
        return connections, max(seconds, 4 * one * connections / WORKERS)

    @staticmethod
    def _root(system: System) -> int:
        return system.process.pid if system.process else 0


def _of(cursors: dict[str, Request | None], system: System) -> Request:
    found = cursors[system.name]
    if found is None:
        raise LoadError(f"{system.name} has no cursors.")
    return found


def deep_cursor(system: System) -> Request | None:
    """A page of 20 deep in the list, by the cursor that one gets to by walking; None for none."""
    if not system.is_noren:
        return None
    path = f"{PRODUCTS}?cursor=&page_size={CURSOR_PAGE_SIZE}"
    with Client(system) as client:
        count = client.json(list_page())["count"]
        rows = min(int(count * CURSOR_REACH), MOST_CURSOR_ROWS)
        for _page in range(rows // CURSOR_PAGE_SIZE):
            following = client.json(Request("GET", path))["next"]
            path = following.removeprefix(system.base_url)
    return Request("GET", path.replace(f"page_size={CURSOR_PAGE_SIZE}", "page_size=20"))


def entity_tag(system: System) -> str | None:
    """The ETag of the first page, if there is one and a 304 follows from it."""
    with Client(system) as client:
        _status, headers, _body = client.send(list_page())
        tag = headers["ETag"]
        if tag is None:
            return None
        status, _headers, _body = client.send(list_page(), **{"If-None-Match": tag})
    return tag if status == 304 else None


def hit_rate(system: System, facts: Facts) -> float | None:
    """The share of a mix that came out of a cache, by `Cache-Status` (RFC 9211); None without."""
    hits = told = 0
    with Client(system) as client:
        if client.send(list_page())[1]["Cache-Status"] is None:
            return None
        for request in Requests(facts, seed=7).mix()[:HIT_SAMPLE]:
            if request.method != "GET":
                client.json(request)
                continue
            _status, headers, _body = client.send(request)
            status = headers["Cache-Status"]
            told += status is not None
            hits += status is not None and "hit" in status.replace(" ", "").split(";")
    return hits / told if told else None


def measure_size(options: argparse.Namespace, servers: Servers, size: Size) -> dict[str, Any]:
    """All of one size, as results.json holds it."""
    prepare(servers, size)
    facts = read_facts(servers.url(PLAIN))
    chosen = [
        system
        for system in systems(servers)
        if not options.systems or system.name in {"plain DRF", *options.systems}
    ]
    with started(chosen, options.home / "log") as found:
        for system in found:
            sign_in(system, USERNAME, TOKEN_KEY)
        checked = check_equal(found, facts)
        print(f"{size.name}: {checked} answers are the same in all systems", flush=True)
        bench = Bench(options, servers, found, facts)
        bench.run()
    clear(servers)
    return {
        "data": dataclasses.asdict(size),
        "answers_compared": checked,
        "systems": report.summary(bench.measured),
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10k", help=f"of {', '.join(SIZES)}, with commas")
    parser.add_argument("--seconds", type=float, default=4.0, help="of a round")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds, before the rounds")
    parser.add_argument("--rounds", type=int, default=3, help="at least three")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--program", choices=("wrk", "own"), default=load_program())
    parser.add_argument("--only", nargs="*", default=[], help="scenarios, all if not given")
    parser.add_argument("--systems", nargs="*", default=[], help="beside plain DRF")
    parser.add_argument("--keep", action="store_true", help="the loaded data, for the next run")
    parser.add_argument("--home", type=Path, default=SOURCES.parent / "var/bench")
    parser.add_argument("--output", type=Path, help="folder; bench/, or none for a part")
    options = parser.parse_args()
    if options.rounds < 3:
        parser.error("A median wants three rounds at least.")
    if options.output is None and not (options.only or options.systems):
        options.output = SOURCES
    options.sizes = options.sizes.split(",")
    options.home = options.home.absolute()
    return options


def main() -> None:
    options = arguments()
    # As Ctrl-C: what was started is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if os.getloadavg()[0] > 0.5:
        print("This machine is busy; only the ratios mean anything.", file=sys.stderr)
    began = time.monotonic()
    try:
        with running_servers(options.home) as servers:
            results = {**report.circumstances(options, servers), "sizes": {}}
            for name in options.sizes:
                results["sizes"][name] = measure_size(options, servers, SIZES[name])
                if options.output is not None:
                    report.write(results, options.output)
    except LoadError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped.")
    finally:
        if not options.keep:
            forget(options.home)
    print(report.tables(results))
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
