"""Whose requests are neither logged, counted nor traced: probes and scrapes come all the time."""

from __future__ import annotations

UNWATCHED = ("/health/", "/metrics")
