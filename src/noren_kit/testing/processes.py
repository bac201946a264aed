"""Processes that tests look at: which ones another has started (Linux, proc(5))."""

from __future__ import annotations

from pathlib import Path


def children_of(parent: int) -> list[int]:
    """The processes that this one has started and that are there, none if it is gone."""
    try:
        threads = list(Path(f"/proc/{parent}/task").iterdir())
        found = [child for each in threads for child in (each / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in found]
