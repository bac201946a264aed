"""A standing that is looked up past the driver's cursor is still the database's word each time."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection, transaction

from noren_kit.accounts import standing, tokens
from noren_kit.accounts.models import MembershipRole
from noren_kit.accounts.standing import Standing
from noren_kit.core import context
from noren_kit.db.lookups import Lookup, _dumped
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import Shop

Values = tuple[uuid.UUID, uuid.UUID, uuid.UUID | None, None]


@pytest.fixture
def values(shop: Shop) -> Values:
    bearer, _claims = tokens.bearer_of(shop.token("staff"))
    return (*bearer, None)


def find(values: Values) -> Standing | None:
    with context.request_scope("-"):
        return standing._of_session.find(*values)


def goes_short(values: Values) -> bool:
    """Whether the next look-up is sent by libpq's own call."""
    sent = tuple(_dumped(each) for each in values)
    return standing._of_session._result(connection.connection, values, sent) is not None


@pytest.fixture
def warm(values: Values) -> Values:
    """The driver prepares a statement after five uses."""
    for _number in range(7):
        assert find(values) is not None
    assert goes_short(values)
    return values


def test_the_same_word_gives_the_same_standing(warm: Values) -> None:
    found = find(warm)
    assert found is not None
    assert find(warm) is found
    # In a transaction it comes through a cursor, and says the same.
    with transaction.atomic():
        assert find(warm) == found


def test_what_is_taken_away_is_gone_at_once(warm: Values, shop: Shop) -> None:
    assert find(warm).actor.roles == {"staff"}  # type: ignore[union-attr]
    with shop.entered():
        MembershipRole.objects.filter(membership__user=shop.users["staff"]).delete()
    assert goes_short(warm)
    assert find(warm).actor.roles == frozenset()  # type: ignore[union-attr]


def test_callers_do_not_share(warm: Values, shop: Shop) -> None:
    other, _claims = tokens.bearer_of(shop.token("owner"))
    strangers = (other.user_id, warm[1], warm[2], None)
    assert goes_short(strangers)
    assert find(strangers) is None
    assert find((*other, None)).actor.user_id == other.user_id  # type: ignore[union-attr]


def test_after_a_rollback(warm: Values) -> None:
    """The driver then has the server forget all that was prepared."""
    with transaction.atomic():
        connection.cursor().execute("SELECT 1")
        transaction.set_rollback(True)
    connection.cursor().execute("SELECT 1")
    assert not goes_short(warm)
    for _number in range(7):
        assert find(warm) is not None
    assert goes_short(warm)


def test_after_a_lost_connection(warm: Values, owner: OwnerConnection) -> None:
    process = connection.connection.info.backend_pid
    assert owner.admin is not None
    owner.admin.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    assert find(warm) is not None
    assert connection.connection.info.backend_pid != process


def test_those_who_watch_statements_see_it(warm: Values) -> None:
    seen: list[str] = []

    def watch(execute: Any, sql: Any, *rest: Any) -> Any:
        seen.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(watch):
        find(warm)
    assert len(seen) == 1


def test_so_many_are_kept_and_no_more(warm: Values) -> None:
    lookup = Lookup(standing._ENTER, standing._by_session, values=4, most=1)
    first = lookup.find(*warm)
    assert lookup.find(*warm) is first
    assert len(lookup._made) == 1
