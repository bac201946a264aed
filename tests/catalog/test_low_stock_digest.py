"""The morning's list of what runs low: one mail a shop and day, in its language, or none."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import mail

from noren.catalog import tasks
from noren.catalog.services import announce_running_low
from noren_kit.outbox.models import Delivery
from noren_kit.outbox.tasks import deliver
from noren_kit.testing.shops import Shop, make_shop
from store import Store

DAY = dt.date(2026, 11, 27)


def announce(shop: Shop, day: dt.date = DAY) -> bool:
    with shop.entered():
        return announce_running_low(day)


def deliver_all(shop: Shop) -> None:
    with shop.entered():
        waiting = list(Delivery.objects.filter(event__type="stock.digest", handled_at=None))
    for each in waiting:
        with shop.entered():
            assert deliver.run(str(each.id))


def test_what_runs_low_is_told_once_a_day(shop: Shop) -> None:
    store = Store(shop)
    store.product(name="Plenty", stock_quantity=11)
    store.product(name="Few", sku="F1", stock_quantity=10)
    store.product(name="None", sku="N1", stock_quantity=0)
    store.product(name="Draft", status="draft", stock_quantity=0)
    assert [announce(shop), announce(shop)] == [True, False]
    deliver_all(shop)
    [message] = mail.outbox
    assert message.subject == "Hanabi: 2 products are running low"
    assert message.body.splitlines() == ["None (N1): 0 left.", "Few (F1): 10 left."]
    assert sorted(message.to) == sorted(shop.users[role].email for role in ("manager", "owner"))
    assert announce(shop, DAY + dt.timedelta(days=1))


def test_reserved_units_cannot_be_sold(shop: Shop) -> None:
    store = Store(shop)
    product = store.product(name="Held", stock_quantity=20)
    held = {"items": [{"product_id": product["id"], "quantity": 15}], "expires_in": 600}
    store.post("reservations/", held)
    assert announce(shop)
    deliver_all(shop)
    assert "5 left." in mail.outbox[0].body


def test_nothing_low_is_nothing_told(shop: Shop) -> None:
    Store(shop).product(stock_quantity=100)
    assert announce(shop) is False
    assert mail.outbox == []


def test_shops_hear_of_their_own_in_their_language(shop: Shop) -> None:
    other = make_shop(slug="sakura", name="桜", locale="ja")
    Store(shop).product(stock_quantity=100)
    Store(other).product(name="茶", sku="T1", stock_quantity=1)
    assert (announce(shop), announce(other)) == (False, True)
    deliver_all(other)
    [message] = mail.outbox
    assert "桜" in message.subject
    assert "running low" not in message.subject
    assert "茶" in message.body


def test_a_long_list_is_cut(shop: Shop) -> None:
    store = Store(shop)
    category = store.category()["id"]
    for _number in range(52):
        store.product(stock_quantity=0, category=category)
    announce(shop)
    deliver_all(shop)
    lines = mail.outbox[0].body.splitlines()
    assert (len(lines), lines[-1]) == (51, "And 2 more.")


def test_not_before_the_morning(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the tenant's clock: in Tokyo it is seven when it is ten in the evening in UTC."""
    shop = make_shop(time_zone="Asia/Tokyo")
    Store(shop).product(stock_quantity=0)
    for hour, wanted in ((21, False), (22, True)):
        moment = dt.datetime(2026, 11, 27, hour, 5, tzinfo=dt.UTC)
        monkeypatch.setattr(tasks.timezone, "now", lambda moment=moment: moment)
        with shop.entered():
            assert tasks.low_stock_digest.run() is wanted
    with shop.entered():
        event = Delivery.objects.get(event__type="stock.digest").event
    assert event.payload == {"day": "2026-11-28"}
