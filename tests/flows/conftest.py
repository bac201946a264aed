"""Fixtures of the flows: a world under attack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hostile import World

from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import Shop


@pytest.fixture
def world(shop: Shop, owner: OwnerConnection) -> Iterator[World]:
    """A shop with a row in every table; its tests end with `world.assert_unharmed()`."""
    attacked = World(shop, owner.tables)
    yield attacked
    attacked.close()
