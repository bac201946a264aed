"""Refusing to start: one sentence for people on stderr and exit status 1, instead of a traceback.

Light to import, for it stands before everything that a server imports.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured


class StartRefused(RuntimeError):
    """This process must not serve; the message says why, and what to do."""


@contextmanager
def ends_if_refused() -> Iterator[None]:
    """End the process where the block refuses to start or finds its settings wanting."""
    try:
        yield
    except (ImproperlyConfigured, StartRefused) as error:
        raise SystemExit(f"noren: {error}") from error
