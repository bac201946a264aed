"""What Noren has to reach, what it aims for, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NOREN, BASE = "Noren", "plain DRF"


@dataclass(frozen=True)
class Target:
    """A bound of a figure: `must` and `aim` are the least, or the most where `at_most`."""

    must: float
    aim: float | None = None
    at_most: bool = False

    def holds(self, value: float, bound: float) -> bool:
        return value <= bound if self.at_most else value >= bound

    def verdict(self, value: float) -> str:
        if self.aim is not None and self.holds(value, self.aim):
            return "aim"
        return "must" if self.holds(value, self.must) else "no"

    def shown(self, bound: float | None) -> str:
        return "" if bound is None else f"{'≤' if self.at_most else '≥'} {bound:g}"


# Ratios to plain DRF in the same run.
RATIOS = {
    "L": Target(10, 25),
    "L after a write": Target(3, 12),
    "D": Target(6, 15),
    "D after a write": Target(2.5, 8),
    "S": Target(6, 12),
    "P": Target(5, 15),
    "O": Target(2, 6),
    "304": Target(15, 30),
}
DEEP_CURSOR = Target(1.2, at_most=True)
MEMORY = Target(1.3, 1.0, at_most=True)
# Median latencies against those of 10k in the same run.
MANY_PRODUCTS = {"S": Target(2.0, at_most=True)}
MANY_TENANTS = {
    name: Target(1.2, 1.05, at_most=True)
    for name in ("L", "L after a write", "D", "D after a write", "S", "P", "O", "304")
}
AGAINST_FIRST = {"1m": MANY_PRODUCTS, "tenants": MANY_TENANTS}


def verdicts(sizes: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """By size, each target whose figure was measured; `met` is aim, must or no."""
    found = {}
    for size, measured in sizes.items():
        systems = measured["systems"]
        if NOREN not in systems:
            continue
        figures = [*_of_one_size(systems), *_against_first(size, sizes)]
        found[size] = [
            {
                "figure": figure,
                "value": round(value, 2),
                "must": target.shown(target.must),
                "aim": target.shown(target.aim),
                "met": target.verdict(value),
            }
            for figure, value, target in figures
        ]
    return found


def _of_one_size(systems: Mapping[str, Any]) -> Iterator[tuple[str, float, Target]]:
    own = systems[NOREN]["scenarios"]
    for name, target in RATIOS.items():
        ratio = own.get(name, {}).get("ratio")
        if ratio is not None:
            yield name, ratio, target
    if "C" in own and "C1" in own:
        yield "C, p50 to that of C1", own["C"]["p50"] / own["C1"]["p50"], DEEP_CURSOR
    memory, base = (systems[name]["memory_mb"]["steady"] for name in (NOREN, BASE))
    if memory and base:
        yield "memory to plain DRF's", memory / base, MEMORY


def _against_first(size: str, sizes: Mapping[str, Any]) -> Iterator[tuple[str, float, Target]]:
    if "10k" not in sizes or NOREN not in sizes["10k"]["systems"]:
        return
    own, first = (sizes[name]["systems"][NOREN]["scenarios"] for name in (size, "10k"))
    for name, target in AGAINST_FIRST.get(size, {}).items():
        if name in own and name in first:
            yield f"{name}, p50 to that at 10k", own[name]["p50"] / first[name]["p50"], target
