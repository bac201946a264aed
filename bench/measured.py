"""A stack of its own for a measurement, with durability on, and the way its figures are shown."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

SOURCES = Path(__file__).parent
# Limits that no measurement meets.
UNLIMITED = ",".join(
    f"{name}=1000000/60"
    for name in (
        "anonymous",
        "credential",
        "sign_in",
        "refresh",
        "password_reset",
        "sign_in_failures",
    )
)


def start_stack(settings: str = "noren.config.settings.local") -> None:
    """New embedded servers and a migrated database, for this process and what it starts."""
    os.environ.update(
        {"LIMITS": UNLIMITED, "LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": settings}
    )
    paths = [str(SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    from noren_kit.testing.servers import start_servers

    start_servers(durable=True)
    import django

    django.setup()


def table(title: str, seconds: Mapping[str, Sequence[float]]) -> None:
    """Print medians and 95th percentiles in milliseconds, each against the first."""
    width = max(map(len, seconds))
    first = statistics.median(next(iter(seconds.values())))
    print(title)
    print(f"  {'':{width}}  median ms   p95 ms    ratio")
    for name, measured in seconds.items():
        median = statistics.median(measured)
        slow = statistics.quantiles(measured, n=20)[-1]
        line = f"  {name:{width}}  {median * 1e3:9.3f} {slow * 1e3:8.3f} {median / first:8.3f}"
        print(line, flush=True)
