"""Fixtures of the commerce tests: two shops, so that every test has a neighbour."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from noren_kit.testing.live import live_server
from noren_kit.testing.shops import Shop, make_shop


@pytest.fixture
def shop() -> Shop:
    return make_shop(slug="hanabi", name="Hanabi")


@pytest.fixture
def neighbour() -> Shop:
    return make_shop(slug="kawa", name="Kawa")


@pytest.fixture(scope="session")
def four_processes() -> Iterator[str]:
    """The URL of a server of four processes, for all tests that change none of its settings."""
    with live_server(workers=4) as base_url:
        yield base_url
