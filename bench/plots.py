"""Plots in SVG without a library: bars of ratios, and latency against size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from targets import NOREN, RATIOS, Target

COLOURS = {
    "plain DRF": "#8a8f98",
    "Noren": "#1f5fbf",
    "FastAPI + asyncpg": "#3a9d6e",
    "limit, made": "#d08a2e",
    "limit, stored": "#b0472f",
}
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 900, 420, 60, 70, 50
INNER = HEIGHT - TOP - BOTTOM
DASHES = {"L": "none", "D": "7 3", "S": "2 3", "P": "9 3 2 3"}
SCENARIOS = ("L", "L after a write", "D", "D after a write", "S", "P", "304", "O", "mix")


def drawings(results: Mapping[str, Any]) -> dict[str, str]:
    """The plots by the names of their files."""
    sizes = results["sizes"]
    first = next(iter(sizes))
    caption = f"{first}, {results['date'][:10]}, {results['machine']['cores']} cores"
    found = {"ratios.svg": ratio_bars(sizes[first]["systems"], caption)}
    if len(sizes) > 1:
        found["latency.svg"] = latency_lines(
            sizes, results["date"][:10], results["machine"]["cores"]
        )
    return found


def _text(x: float, y: float, text: str, anchor: str = "middle", size: int = 12) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f"<text {place}>{escape(text)}</text>"


def _frame(title: str, parts: Iterator[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' font-family="sans-serif" role="img" aria-label="{escape(title)}">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n'
        f"{_text(LEFT, 24, title, 'start', 16)}\n{body}\n</svg>\n"
    )


def _legend(names: list[str]) -> Iterator[str]:
    x = float(LEFT)
    for name in names:
        colour = COLOURS.get(name, "#555")
        yield f'<rect x="{x:.1f}" y="38" width="12" height="12" fill="{colour}"/>'
        yield _text(x + 17, 49, name, "start")
        x += 36 + 7 * len(name)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.95 else f"{value:.2f}"


class Scale:
    """A logarithmic axis upward."""

    def __init__(self, values: list[float]) -> None:
        self.low = 10 ** math.floor(math.log10(min(values)))
        self.high = max(self.low * 10, 10 ** math.ceil(math.log10(max(values))))

    def y(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return TOP + INNER * (1 - share)

    def grid(self) -> Iterator[str]:
        value = self.low
        while value <= self.high * 1.001:
            y = self.y(value)
            yield f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
            yield _text(LEFT - 6, y + 4, f"{value:g}", "end")
            value *= 10


def _bounds(scale: Scale, target: Target, x: float, width: float) -> Iterator[str]:
    """Lines across a bar: what must be reached, and, dashed, what is aimed for."""
    for bound, dashes in ((target.must, "none"), (target.aim, "3 2")):
        if bound is not None:
            y = scale.y(bound)
            yield (
                f'<line x1="{x - 2:.1f}" x2="{x + width + 2:.1f}" y1="{y:.1f}" y2="{y:.1f}"'
                f' stroke="#111" stroke-width="1.5" stroke-dasharray="{dashes}"/>'
            )


def ratio_bars(systems: Mapping[str, Any], caption: str) -> str:
    """Bars per scenario, one for each system; plain DRF is the line at 1."""
    shown = [name for name in systems if name != "plain DRF"]
    names = [
        name
        for name in SCENARIOS
        if any(systems[system]["scenarios"].get(name, {}).get("ratio") for system in shown)
    ]
    ratios = {
        (name, system): systems[system]["scenarios"].get(name, {}).get("ratio")
        for name in names
        for system in shown
    }
    targets = [RATIOS[name] for name in names if name in RATIOS and NOREN in shown]
    bounds = [bound for each in targets for bound in (each.must, each.aim) if bound is not None]
    scale = Scale([1.0, *bounds, *(ratio for ratio in ratios.values() if ratio)])

    def parts() -> Iterator[str]:
        yield from _legend(shown)
        yield from scale.grid()
        group = (WIDTH - LEFT - 10) / max(1, len(names))
        bar = group * 0.8 / max(1, len(shown))
        base = scale.y(1)
        for at, name in enumerate(names):
            x = LEFT + group * (at + 0.1)
            yield _text(x + group * 0.4, HEIGHT - 28, name, size=11)
            for system in shown:
                ratio = ratios[name, system]
                if ratio:
                    y = scale.y(ratio)
                    top, height = min(y, base), abs(y - base)
                    yield (
                        f'<rect x="{x:.1f}" y="{top:.1f}" width="{bar - 2:.1f}"'
                        f' height="{height:.1f}" fill="{COLOURS.get(system, "#555")}">'
                        f"<title>{escape(f'{system}, {name}: {ratio}')}</title></rect>"
                    )
                    yield _text(x + bar / 2 - 1, top - 3, _short(ratio), size=9)
                    if system == NOREN and name in RATIOS:
                        yield from _bounds(scale, RATIOS[name], x, bar - 2)
                x += bar
        yield f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{base:.1f}" y2="{base:.1f}" stroke="#333"/>'
        note = "lines across Noren's bars: what it must reach; dashed: what it aims for"
        yield _text(LEFT, HEIGHT - 8, f"{caption}; {note}", "start", 11)

    return _frame("Throughput against plain DRF (1)", parts())


def _described(size: Mapping[str, Any]) -> str:
    data = size["data"]
    products = f"{data['products']:,} products"
    if not data["others"]:
        return products
    return f"{products}, beside {data['others']:,} tenants with {data['each']:,} each"


def _apart(labels: Mapping[str, float], least: float = 11.0) -> dict[str, float]:
    """Heights for labels, in the same order, moved down where they would cover each other."""
    found: dict[str, float] = {}
    last = -least
    for label, y in sorted(labels.items(), key=lambda pair: pair[1]):
        last = found[label] = max(y, last + least)
    return found


def latency_lines(sizes: Mapping[str, Any], date: str, cores: int) -> str:
    """Median latency by size: lines of Noren and of plain DRF, each scenario in its dashes."""
    labels = list(sizes)
    lines: dict[tuple[str, str], list[float]] = {}
    for system in ("plain DRF", "Noren"):
        for name in DASHES:
            values = [
                sizes[size]["systems"].get(system, {}).get("scenarios", {}).get(name, {}).get("p50")
                for size in labels
            ]
            if all(values):
                lines[system, name] = values
    scale = Scale([value for values in lines.values() for value in values] or [1.0])

    def parts() -> Iterator[str]:
        yield from _legend(["plain DRF", "Noren"])
        yield from scale.grid()
        step = (WIDTH - LEFT - 120) / max(1, len(labels) - 1)
        for at, label in enumerate(labels):
            anchor = "start" if at == 0 else "middle"
            yield _text(LEFT + 30 + at * step, HEIGHT - 28, _described(sizes[label]), anchor)
        for (system, name), values in lines.items():
            points = [(LEFT + 30 + at * step, scale.y(value)) for at, value in enumerate(values)]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            colour = COLOURS[system]
            yield (
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"'
                f' stroke-dasharray="{DASHES[name]}"/>'
            )
            for x, y in points:
                yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
        ends = {f"{system} {name}": scale.y(values[-1]) for (system, name), values in lines.items()}
        for label, y in _apart(ends).items():
            yield _text(WIDTH - 82, y + 4, label, "start", 10)
        yield _text(LEFT, HEIGHT - 8, f"median ms, {date}, {cores} cores", "start", 11)

    return _frame("Latency against size", parts())
