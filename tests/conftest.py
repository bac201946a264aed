"""Fixtures of the commerce tests: two shops, so that every test has a neighbour."""

from __future__ import annotations

import pytest

from noren_kit.testing.shops import Shop, make_shop


@pytest.fixture
def shop() -> Shop:
    return make_shop(slug="hanabi", name="Hanabi")


@pytest.fixture
def neighbour() -> Shop:
    return make_shop(slug="kawa", name="Kawa")
