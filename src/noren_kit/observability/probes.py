"""What probes and scrapes ask for, all the time and by any name: neither logged nor traced."""

from __future__ import annotations

PROBES = ("/health/", "/metrics")
