"""Whether the web process's memory ends: after 20,000 requests of a mix, and after 200,000.

`make bench-memory`; fails if the second is more than a tenth above the first. Memory is the
proportional set size of the web's process tree.
"""

from __future__ import annotations

import sys
from pathlib import Path

from client import sign_in
from data import SIZES, TOKEN_KEY, clear, prepare
from data_plain import USERNAME
from load import load_program, run_load
from processes import memory_megabytes
from scenarios import Requests, read_facts
from stack import PLAIN, SOURCES, System, running_servers, started, systems

FIRST, LAST = 20_000, 200_000
STEP_SECONDS, CONNECTIONS = 10.0, 16
MOST_RATIO = 1.1


def main() -> None:
    home = SOURCES.parent / "var/bench"
    with running_servers(home.absolute()) as servers:
        prepare(servers, SIZES["10k"])
        facts = read_facts(servers.url(PLAIN))
        chosen = [each for each in systems(servers) if each.name == "Noren"]
        with started(chosen, Path(home) / "log") as (noren,):
            first, last = _measure(noren, Requests(facts))
        clear(servers)
    print(
        f"{first:.1f} MB after {FIRST:,} requests, {last:.1f} MB after {LAST:,}: {last / first:.3f}"
    )
    if last > first * MOST_RATIO:
        sys.exit(f"More than {MOST_RATIO}.")


def _measure(noren: System, requests: Requests) -> tuple[float, float]:
    """Megabytes after the first and after the last of the requests."""
    program, root = load_program(), noren.process.pid if noren.process else 0
    sent, first = 0.0, 0.0
    while sent < LAST:
        sign_in(noren, USERNAME, TOKEN_KEY)
        for mix in (requests.mix(), requests.details()):
            found = run_load(
                noren,
                mix,
                seconds=STEP_SECONDS,
                connections=CONNECTIONS,
                roots=[root],
                program=program,
            )
            sent += found.rate * STEP_SECONDS
            print(f"{sent:9,.0f} requests: {memory_megabytes(root):6.1f} MB", flush=True)
            if not first and sent >= FIRST:
                first = memory_megabytes(root)
    return first, memory_megabytes(root)


if __name__ == "__main__":
    main()
