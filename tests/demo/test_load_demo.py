"""`load_demo`: shops that add up, passwords that work, and nothing done twice."""

from __future__ import annotations

import datetime as dt
import os
import stat
from decimal import Decimal

import psycopg
import pytest
from django.core.management import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from psycopg import sql

from noren.catalog.models import Category, Product, Review, Variant
from noren.catalog.queries import find_rating_differences
from noren.catalog.services import follow_classes
from noren.demo.words import PROFILES
from noren.inventory.models import StockItem, StockMovement
from noren.inventory.queries import find_differences
from noren.orders.models import Customer, Order, OrderNumber
from noren.orders.queries import find_unexplained_lines
from noren.orders.services.tax import Priced, total_up
from noren_kit.accounts.models import User
from noren_kit.outbox.models import Event
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.shops import Client, make_shop

SLUGS = [profile.slug for profile in PROFILES]
JAPANESE_SHOPS = SLUGS[:2]


def test_shops_add_up(demo):
    demo.load()
    for slug in SLUGS:
        with demo.entered(slug) as tenant:
            assert list(find_differences()) == []
            assert list(find_unexplained_lines()) == []
            assert Product.objects.count() >= 10
            assert Variant.objects.filter(is_active=True).count() >= 3
            assert StockItem.objects.count() == Product.objects.count() + Variant.objects.count()
            assert list(find_rating_differences()) == []
            assert Customer.objects.count() == 3
            assert Review.objects.exists()
            assert not Event.objects.exists()
            orders = list(Order.objects.prefetch_related("lines", "taxes"))
            assert len(orders) == 40
            for order in orders:
                _check_totals(order, tenant)
                assert order.created_at == order.placed_at <= order.updated_at


def _check_totals(order, tenant):
    lines, taxes = list(order.lines.all()), list(order.taxes.all())
    totals = total_up(
        [Priced(line.subtotal, line.tax_rate, line.reduced) for line in lines],
        discount=order.discount_amount,
        prices_include_tax=tenant.prices_include_tax,
        currency=tenant.currency,
        rounding=tenant.tax_rounding,
    )
    assert order.subtotal_amount == sum(line.unit_price * line.quantity for line in lines)
    assert order.item_count == sum(line.quantity for line in lines)
    assert (order.tax_amount, order.total_amount) == (totals.tax, totals.total)
    assert order.total_amount == sum(row.gross for row in taxes)
    assert order.tax_amount == sum(row.tax for row in taxes)


def test_counters_of_products(demo):
    demo.load()
    with demo.entered(SLUGS[0]):
        sold = dict.fromkeys(Product.objects.values_list("id", flat=True), 0)
        for order in Order.objects.exclude(status="cancelled").prefetch_related("lines"):
            for line in order.lines.all():
                sold[line.product_id] += line.quantity
        for product in Product.objects.prefetch_related("reviews"):
            assert product.stock_item.sold == sold[product.id]
            ratings = [review.rating for review in product.reviews.all()]
            assert product.review_count == len(ratings)
            mean = Decimal(sum(ratings)) / len(ratings) if ratings else Decimal(0)
            assert abs(product.average_rating - mean) <= Decimal("0.005")


def test_order_numbers_go_on_without_gaps(demo):
    # The half year behind the end lies in two years of the shop's calendar.
    demo.load(end=dt.datetime(2026, 2, 14, tzinfo=dt.UTC))
    slug = SLUGS[0]
    with demo.entered(slug):
        numbers = list(
            Order.objects.order_by("placed_at", "id").values_list("order_number", flat=True)
        )
        last = dict(OrderNumber.objects.values_list("year", "last"))
        product = Product.objects.filter(status="active", stock_item__on_hand__gt=0).first()
        customer = Customer.objects.first()
    assert set(last) == {2025, 2026}
    assert numbers == [
        f"{year}-{number:06d}" for year in (2025, 2026) for number in range(1, last[year] + 1)
    ]
    year = dt.datetime.now(dt.UTC).astimezone(dt.timezone(dt.timedelta(hours=9))).year
    order = demo.client(slug, "staff").post(
        "/api/v1/orders/",
        {"customer": str(customer.id), "items": [{"product_id": str(product.id), "quantity": 1}]},
    )
    assert order.status_code == 201, order.json()
    assert order.json()["order_number"] == f"{year}-{last.get(year, 0) + 1:06d}"


def test_words_rates_and_currencies(demo):
    demo.load()
    currencies = set(Tenant.objects.values_list("currency", flat=True))
    assert "JPY" in currencies
    assert len(currencies) > 1
    for slug in JAPANESE_SHOPS:
        with demo.entered(slug):
            rates = {rate for order in Order.objects.all() for rate in _rates(order)}
            taxed = set(Category.objects.values_list("tax_class__code", "tax_rate"))
            assert taxed == {("reduced", Decimal(8)), ("standard", Decimal(10))}
            assert follow_classes() == 0
            assert (Decimal(8), True) in rates
            assert (Decimal(10), False) in rates
            assert Category.objects.filter(requires_approval=True, products__isnull=False).exists()
    for words in ("煎茶", "tea"):
        answer = demo.client(SLUGS[0], "viewer").get("/api/v1/products/", {"search": words})
        assert answer.json()["count"] > 0


def _rates(order):
    return order.taxes.values_list("rate", "reduced")


def test_ledgers_open_before_the_first_sale(demo):
    demo.load()
    with demo.entered(SLUGS[2]):
        for item in StockItem.objects.prefetch_related("movements"):
            moved = sorted(item.movements.all(), key=lambda each: each.created_at)
            assert all(each.kind == StockMovement.Kind.RECEIVED for each in moved[:1])


def test_people_sign_in_as_the_file_says(demo):
    demo.load()
    assert stat.S_IMODE(demo.file.stat().st_mode) == 0o600
    content = demo.content()
    assert [tenant["slug"] for tenant in content["tenants"]] == SLUGS
    for tenant in content["tenants"]:
        assert [user["role"] for user in tenant["users"]] == ["owner", "manager", "staff", "viewer"]
        for user in tenant["users"]:
            answer = demo.sign_in(user)
            assert answer.status_code == 200
            signed_in = answer.json()["user"]
            assert signed_in["tenant"] == {"id": tenant["id"], "name": tenant["name"]}
            assert signed_in["roles"] == [user["role"]]
    platform = demo.sign_in(content["platform"])
    assert Client(platform.json()["access"]).get("/api/auth/me/").json()["is_superuser"]
    passwords = {user["password"] for user in [*demo.users(), content["platform"]]}
    assert len(passwords) == 13


def test_second_run_changes_nothing(demo, owner):
    demo.load()
    before, contents = demo.file.read_bytes(), _contents(owner.tables)
    with CaptureQueriesContext(connection) as queries:
        assert "already" in demo.load(seed=99, scale=0.05)
    assert len(queries) < 20
    assert demo.file.read_bytes() == before
    assert _contents(owner.tables) == contents


def _contents(tables):
    """Of each table, over all tenants: rows, and the transactions that wrote them."""
    with psycopg.connect(os.environ["DATABASE_BACKUP_URL"]) as backup:
        return {
            table: backup.execute(
                sql.SQL("SELECT count(*), sum(xmin::text::bigint) FROM {}").format(
                    sql.Identifier(table)
                )
            ).fetchone()
            for table in tables
        }


def test_missing_file_means_new_passwords(demo):
    demo.load()
    old = demo.users()
    demo.file.unlink()
    demo.load()
    new = demo.users()
    assert [user["username"] for user in new] == [user["username"] for user in old]
    assert demo.sign_in(new[0]).status_code == 200
    assert demo.sign_in(old[0]).status_code == 401
    assert User.objects.count() == 13


def test_file_of_another_installation_is_replaced(demo, owner):
    demo.load()
    old = demo.content()
    owner.empty()
    demo.load()
    assert demo.content()["tenants"][0]["id"] != old["tenants"][0]["id"]
    assert demo.sign_in(demo.users()[0]).status_code == 200


@pytest.mark.parametrize(("content", "fault"), [("{", "damaged"), ('{"name": 1}', "else")])
def test_a_file_of_another_kind_stays_as_it_is(demo, content, fault):
    demo.file.parent.mkdir()
    demo.file.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError, match=fault):
        demo.load()
    assert demo.file.read_text(encoding="utf-8") == content
    assert not Tenant.objects.exists()


def test_somebody_elses_shop_is_left_alone(demo):
    shop = make_shop(slug=SLUGS[0], name="A real shop")
    with pytest.raises(CommandError, match="already"):
        demo.load()
    assert not demo.file.exists()
    with shop.entered():
        assert not Product.objects.exists()


def test_somebody_elses_account_is_left_alone(demo):
    person = User.objects.create_user("Platform", "their own password", email="p@shop.example")
    with pytest.raises(CommandError, match="platform"):
        demo.load()
    person.refresh_from_db()
    assert person.check_password("their own password")
    assert not person.is_superuser
    assert not demo.file.exists()


def test_statements_do_not_grow_with_the_shop(demo, owner):
    counts = []
    for scale in (0.02, 0.1):
        demo.file.unlink(missing_ok=True)
        owner.empty()
        with CaptureQueriesContext(connection) as queries:
            demo.load(scale=scale)
        counts.append(len(queries))
    assert counts[0] == counts[1]
