"""Noren's web process under several servers, on the same data: `make bench-servers`.

All of them run at once and are asked in turn, as in run.py; the ratios are to the first.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import report
from client import sign_in
from data import SIZES, TOKEN_KEY, clear, prepare
from data_plain import USERNAME
from load import LoadError, load_program
from run import Bench, Measured
from scenarios import read_facts
from stack import NOREN, PLAIN, SOURCES, Servers, System, forget, running_servers, started

SCENARIOS = ("L", "D", "O")
_APPLICATION = "noren.config.wsgi:application"
_NOREN = f"noren_kit.api.serving {_APPLICATION} --port {{port}} --workers 2"
_GRANIAN = f"granian --interface wsgi --host 127.0.0.1 --port {{port}} --workers 2 {_APPLICATION}"
_GUNICORN = f"gunicorn --bind 127.0.0.1:{{port}} --log-level warning --workers 2 {_APPLICATION}"
_SHARED = "-c python:gunicorn_shared"
_THREADS = "--worker-class gthread --threads"
# Two processes each, as there are two cores; what differs is threads, and whether the workers
# are forked before the application is imported ("apart") or after it.
COMMANDS = {
    "granian, 1 thread": f"{_NOREN} --threads 1",
    "granian, 2 threads": f"{_NOREN} --threads 2",
    "granian, 4 threads": f"{_NOREN} --threads 4",
    "granian, 4 threads, apart": f"{_GRANIAN} --blocking-threads 4 --no-ws --no-access-log",
    "gunicorn, sync": f"{_GUNICORN} {_SHARED} --worker-class sync",
    "gunicorn, 2 threads": f"{_GUNICORN} {_SHARED} {_THREADS} 2",
    "gunicorn, 4 threads": f"{_GUNICORN} {_SHARED} {_THREADS} 4",
    "gunicorn, 4 threads, apart": f"{_GUNICORN} {_THREADS} 4",
}


def systems_under_test(servers: Servers, names: list[str]) -> list[System]:
    """Noren under each server; a server is named by a part of its name, all if none is."""
    environment = servers.noren_environment(NOREN)
    return [
        System(
            name,
            NOREN,
            [sys.executable, "-m", *command.split()],
            environment,
        )
        for name, command in COMMANDS.items()
        if not names or any(part in name for part in names)
    ]


def measure(options: argparse.Namespace, servers: Servers) -> dict[str, Measured]:
    """Every scenario under every server."""
    prepare(servers, SIZES["10k"])
    facts = read_facts(servers.url(PLAIN))
    with started(systems_under_test(servers, options.servers), options.home / "log") as found:
        for system in found:
            sign_in(system, USERNAME, TOKEN_KEY)
        bench = Bench(options, servers, found, facts)
        bench.run()
    clear(servers)
    return bench.measured


def summary(measured: dict[str, Measured]) -> dict[str, Any]:
    """Medians of the rounds, and requests per second against the first server."""
    found: dict[str, Any] = {}
    for server, own in measured.items():
        scenarios = {name: report.median(rounds) for name, rounds in own.rounds.items()}
        for name, figures in scenarios.items():
            first = next(iter(found.values()))["scenarios"][name] if found else figures
            figures["ratio"] = round(figures["rate"] / first["rate"], 2)
        found[server] = {
            "memory_mb": round(statistics.median(own.memory), 1),
            "scenarios": scenarios,
        }
    return found


def table(found: dict[str, Any]) -> str:
    """Markdown, a row for each scenario and server."""
    head = ["scenario", "server", "per second", "ratio", "p50 ms", "p99 ms", "processor ms", "MB"]
    rows = []
    for name in SCENARIOS:
        for server, own in found.items():
            figures = own["scenarios"][name]
            shown = [f"{figures['rate']:,.1f}", f"{figures['ratio']:.2f}"]
            shown += [f"{figures[each]:,.1f}" for each in ("p50", "p99")]
            shown += [f"{figures['processor_ms']:.2f}", f"{own['memory_mb']:.0f}"]
            rows.append([name, server, *shown])
    return report.markdown(head, rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="of a round")
    parser.add_argument("--warm-up", type=float, default=3.0, help="seconds, before the rounds")
    parser.add_argument("--rounds", type=int, default=5, help="at least three")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--program", choices=("wrk", "own"), default=load_program())
    parser.add_argument("--servers", nargs="*", default=[], help=f"of {'; '.join(COMMANDS)}")
    parser.add_argument("--keep", action="store_true", help="the loaded data, for the next run")
    parser.add_argument("--home", type=Path, default=SOURCES.parent / "var/bench")
    parser.add_argument("--output", type=Path, help="a file for the figures as JSON")
    options = parser.parse_args()
    options.only = list(SCENARIOS)
    options.home = options.home.absolute()
    if options.rounds < 3:
        parser.error("A median wants three rounds at least.")
    return options


def main() -> None:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if os.getloadavg()[0] > 0.5:
        print("This machine is busy; only the ratios mean anything.", file=sys.stderr)
    began = time.monotonic()
    try:
        with running_servers(options.home) as servers:
            facts = report.circumstances(options, servers)
            found = summary(measure(options, servers))
    except LoadError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped.")
    finally:
        if not options.keep:
            forget(options.home)
    if options.output is not None:
        text = json.dumps({**facts, "servers": found}, indent=1)
        options.output.write_text(text + "\n", encoding="utf-8")
    print(f"{report.described(facts)}\n\n{table(found)}")
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
