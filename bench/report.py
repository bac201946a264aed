"""Results as figures to keep, tables to read and plots to look at."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import load
import plots
import psycopg
from stack import SOURCES, Servers
from targets import BASE, verdicts

# What a scenario that plain DRF has no counterpart for is a ratio to.
INSTEAD = {"C1": "L", "C": "L", "304": "L"}
LATENCY_ALONE = frozenset({"L after a write", "D after a write"})


def summary(measured: Mapping[str, Any]) -> dict[str, Any]:
    """Medians of the rounds, and ratios to plain DRF."""
    medians = {
        system: {name: median(rounds) for name, rounds in own.rounds.items()}
        for system, own in measured.items()
    }
    found: dict[str, Any] = {}
    for system, own in measured.items():
        for name, figures in medians[system].items():
            base = medians[BASE].get(INSTEAD.get(name, name))
            figures["ratio"] = _ratio(name, figures, base) if base else None
        found[system] = {
            "memory_mb": {
                "steady": round(statistics.median(own.memory), 1) if own.memory else None,
                "peak": round(max(own.memory), 1) if own.memory else None,
            },
            "hit_rate": own.hit_rate,
            "scenarios": medians[system],
        }
    return found


def median(rounds: Sequence[load.Round]) -> dict[str, Any]:
    """Of each figure, the middle one of the rounds."""
    figures: dict[str, Any] = {
        name: round(statistics.median(getattr(each, name) for each in rounds), 3)
        for name in ("rate", "p50", "p95", "p99")
    }
    used = [each.processor_ms for each in rounds if each.processor_ms is not None]
    figures["processor_ms"] = round(statistics.median(used), 3) if used else None
    busy = [each.client for each in rounds if each.client is not None]
    figures["client"] = round(statistics.median(busy), 2) if busy else None
    figures["connections"] = min(each.connections for each in rounds)
    figures["rates"] = [round(each.rate, 1) for each in rounds]
    return figures


def _ratio(name: str, figures: Mapping[str, Any], base: Mapping[str, Any]) -> float:
    if name in LATENCY_ALONE:
        return round(base["p50"] / figures["p50"], 2)
    return round(figures["rate"] / base["rate"], 2)


def circumstances(options: argparse.Namespace, servers: Servers) -> dict[str, Any]:
    """When, on what, and with which code."""
    with psycopg.connect(servers.postgres.admin_url) as admin:
        row = admin.execute("SHOW server_version").fetchone()
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "revision": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "processor": _first_line_of("/proc/cpuinfo", "model name"),
            "memory_mb": int(_first_line_of("/proc/meminfo", "MemTotal").split()[0]) // 1024,
            "system": platform.system(),
            "python": platform.python_version(),
            "postgresql": row[0] if row else None,
            "load_average_before": round(os.getloadavg()[0], 2),
        },
        "method": {
            "program": load.described(options.program),
            **{
                name: getattr(options, name)
                for name in ("connections", "rounds", "seconds", "warm_up")
            },
        },
    }


def _git(*command: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *command], capture_output=True, text=True, check=True, cwd=SOURCES
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _first_line_of(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "0"


def write(results: Mapping[str, Any], folder: Path) -> None:
    """`results.json` and the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(
        {**results, "targets": verdicts(results["sizes"])}, indent=1, ensure_ascii=False
    )
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    for name, drawing in plots.drawings(results).items():
        (folder / name).write_text(drawing, encoding="utf-8")


def tables(results: Mapping[str, Any]) -> str:
    """Markdown: the figures of each size, what they say of the targets, and sizes side by side."""
    parts = [described(results)]
    parts += [_table(size, found["systems"]) for size, found in results["sizes"].items()]
    parts += [
        markdown(
            [f"Noren, {size}", "measured", "must", "aim", "reached"],
            [
                [row["figure"], f"{row['value']:.2f}", row["must"], row["aim"], row["met"]]
                for row in rows
            ],
        )
        for size, rows in verdicts(results["sizes"]).items()
    ]
    if len(results["sizes"]) > 1:
        parts.append(_across(results["sizes"]))
    return "\n\n".join(parts)


def described(results: Mapping[str, Any]) -> str:
    """When, on what and how it was measured, in two lines."""
    machine, method = results["machine"], results["method"]
    return (
        f"{results['date']}, {machine['cores']} cores ({machine['processor']}),"
        f" {machine['memory_mb']:,} MB, PostgreSQL {machine['postgresql']},"
        f" Python {machine['python']}, revision {(results['revision'] or 'unknown')[:12]}\n"
        f"loaded by {method['program']} over {method['connections']} connections,"
        f" {method['rounds']} rounds of {method['seconds']:g} s;"
        f" load average before: {machine['load_average_before']}"
    )


def _shown(value: float | None, form: str) -> str:
    return "n/a" if value is None else format(value, form)


def markdown(head: list[str], found: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *found]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _table(size: str, found: Mapping[str, Any]) -> str:
    names = list(dict.fromkeys(name for own in found.values() for name in own["scenarios"]))
    ratios, details = [], []
    for system, own in found.items():
        scenarios = own["scenarios"]
        ratios.append(
            [
                system,
                *(_shown(scenarios.get(name, {}).get("ratio"), ".2f") for name in names),
                _shown(own["memory_mb"]["steady"], ".0f"),
                _shown(own["memory_mb"]["peak"], ".0f"),
                _shown(own["hit_rate"], ".0%"),
            ]
        )
        details += [
            [
                system,
                name,
                *(_shown(scenarios[name][each], ",.1f") for each in ("rate", "p50", "p95", "p99")),
                _shown(scenarios[name]["processor_ms"], ".2f"),
                str(scenarios[name]["connections"]),
                _shown(scenarios[name]["client"], ".0%"),
            ]
            for name in names
            if name in scenarios
        ]
    head = ["ratio to plain DRF", *names, "MB", "MB at most", "hits"]
    figures = ["system", "scenario", "per second", "p50 ms", "p95 ms", "p99 ms", "processor ms"]
    figures += ["connections", "client busy"]
    return f"{size}\n\n{markdown(head, ratios)}\n\n{markdown(figures, details)}"


def _across(sizes: Mapping[str, Any]) -> str:
    first, *others = sizes
    rows = []
    for system, own in sizes[first]["systems"].items():
        for name, figures in own["scenarios"].items():
            later = [
                sizes[size]["systems"].get(system, {}).get("scenarios", {}).get(name)
                for size in others
            ]
            shown = [
                _shown(each["p50"] / figures["p50"] if each else None, ".2f") for each in later
            ]
            rows.append([system, name, *shown])
    return markdown(["p50 against " + first, "scenario", *others], rows)


if __name__ == "__main__":
    kept = json.loads((SOURCES / "results.json").read_text(encoding="utf-8"))
    write(kept, SOURCES)
    print(tables(kept))
