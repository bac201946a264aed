"""Bulk calls beyond the contract of every resource: services, prices, rights, statements."""

from __future__ import annotations

from typing import Any

import pytest

from noren.inventory.queries import find_differences
from noren_kit.testing.answers import assert_error
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Shop, make_shop
from store import API, Store

BULK = f"{API}products/bulk/"
PRICES = f"{API}products/bulk_price_update/"
REJECTING = "?mode=reject_failed_rows"


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def rows_of(category: str, count: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "name": f"Tea {number}",
            "sku": f"T{number}",
            "price": "100",
            "category": category,
            "stock_quantity": number % 3,
            "tags": ["green", f"tag {number % 7}"],
        }
        for number in range(start, start + count)
    ]


def codes(faults: dict[str, Any]) -> set[str]:
    return {each["code"] for every in faults.values() for each in every}


class TestProducts:
    def test_a_thousand_cost_as_many_statements_as_ten(self, store: Store) -> None:
        category = store.category()["id"]
        counts: dict[str, list[int]] = {}
        store.get("tags/")

        def call(verb: str, url: str, body: Any) -> Any:
            with recorded_statements() as statements:
                response = getattr(store.client, verb)(url, body)
            assert response.status_code in (200, 201), response.json()
            counts.setdefault(f"{verb} {url}", []).append(len(statements))
            return response.json()

        for count, start in ((10, 0), (1_000, 10)):
            sent = rows_of(category, count, start)
            made = call("post", BULK, sent)["results"]
            assert [row["sku"] for row in made] == [row["sku"] for row in sent]
            changes = [
                {"id": row["id"], "price": "90", "sku": f"X{row['sku']}", "tags": ["black"]}
                for row in made
            ]
            assert call("patch", BULK, changes)["updated_count"] == count
            prices = [{"id": row["id"], "price": "80"} for row in made]
            assert call("post", PRICES, prices)["updated_count"] == count
            rule = {"filter": {"status": "draft"}, "percent": "10"}
            assert call("post", PRICES, rule)["updated_count"] == count
            gone = [{"id": row["id"]} for row in made]
            assert call("delete", BULK, gone)["deleted_count"] == count
        assert all(len(set(each)) == 1 or "bulk_price" in name for name, each in counts.items())
        by_list, by_rule, *again = counts[f"post {PRICES}"]
        assert again == [by_list, by_rule], counts

    def test_stock_tags_and_ledger(self, store: Store, shop: Shop) -> None:
        made = store.client.post(BULK, rows_of(store.category()["id"], 8)).json()["results"]
        assert [row["stock_quantity"] for row in made] == [number % 3 for number in range(8)]
        assert [sorted(row["tags"]) for row in made[:2]] == [["green", "tag 0"], ["green", "tag 1"]]
        movements = store.get(f"products/{made[2]['id']}/stock_movements/")["results"]
        assert [(each["kind"], each["quantity"]) for each in movements] == [("received", 2)]
        with shop.entered():
            assert list(find_differences()) == []
        changes = [{"id": row["id"], "tags": ["green", "new"]} for row in made[:2]]
        changed = store.client.patch(BULK, changes).json()["results"]
        assert [sorted(row["tags"]) for row in changed] == [["green", "new"]] * 2
        assert sorted(store.get(f"products/{made[2]['id']}/")["tags"]) == ["green", "tag 2"]
        found = store.get("products/", search="Tea")["results"]
        assert len(found) == 8, "the index of words follows"

    def test_every_kind_of_fault_at_once(self, store: Store, shop: Shop, neighbour: Shop) -> None:
        bound = store.category(requires_approval=True)["id"]
        category = store.category()["id"]
        clerk = shop.hire("clerk", [f"catalog.{verb}_product" for verb in ("add", "bulk", "view")])
        foreign = Store(neighbour).category()["id"]
        taken = store.product(sku="TAKEN", category=category)
        store.variant(taken, sku="VARIANT")
        good = {"name": "Tea", "sku": "GOOD", "price": "1", "category": category}
        rows = [
            good,
            {**good, "sku": "A", "price": "NaN"},
            {**good, "sku": "TAKEN"},
            {**good, "sku": "VARIANT"},
            {**good},
            {**good, "sku": "B", "category": foreign},
            {**good, "sku": "C", "category": bound},
            {**good, "sku": "D", "brand": "x"},
        ]
        details = assert_error(clerk.post(BULK, rows), 400, "validation_error")["rows"]
        assert {place: (set(row), codes(row)) for place, row in details.items()} == {
            "1": ({"price"}, {"invalid"}),
            "2": ({"sku"}, {"duplicate"}),
            "3": ({"sku"}, {"duplicate"}),
            "4": ({"sku"}, {"duplicate"}),
            "5": ({"category"}, {"does_not_exist"}),
            "6": ({"non_field_errors"}, {"approval_required"}),
            "7": ({"brand"}, {"does_not_exist"}),
        }
        assert store.get("products/")["count"] == 1, "nothing is stored"
        answer = clerk.post(BULK + REJECTING, rows).json()
        assert [row["sku"] for row in answer["results"]] == ["GOOD"]
        assert answer["errors"] == details

    def test_the_price_floor_holds(self, store: Store, shop: Shop) -> None:
        rights = [f"catalog.{verb}_product" for verb in ("change", "bulk", "view")]
        clerk = shop.hire("clerk", rights)
        first, second = store.product(price="1000"), store.product(price="1000")
        rows = [{"id": first["id"], "price": "499"}, {"id": second["id"], "price": "500"}]
        for url in (BULK, PRICES):
            send = clerk.patch if url == BULK else clerk.post
            details = assert_error(send(url, rows), 400)["rows"]
            assert {place: codes(row) for place, row in details.items()} == {"0": {"price_floor"}}
        assert store.get(f"products/{second['id']}/") == second
        answer = clerk.patch(BULK + REJECTING, rows).json()
        assert (answer["updated_count"], list(answer["errors"])) == (1, ["0"])
        assert shop.client("manager").patch(BULK, rows[:1]).status_code == 200

    def test_bulk_takes_its_own_right(self, store: Store, shop: Shop) -> None:
        row = {"name": "x", "sku": "x", "price": "1", "category": store.category()["id"]}
        adding = shop.hire("adding", ["catalog.add_product", "catalog.view_product"])
        bulk = shop.hire("bulk", ["catalog.bulk_product", "catalog.view_product"])
        for client in (adding, bulk):
            assert_error(client.post(BULK, [row]), 403, "permission_denied")

    def test_what_is_in_use_stays(self, store: Store) -> None:
        used, free = store.category(), store.category()
        store.product(category=used["id"])
        rows = [{"id": used["id"]}, {"id": free["id"]}]
        url = f"{API}categories/bulk/"
        details = assert_error(store.client.delete(url, rows), 400)["rows"]
        assert {place: codes(row) for place, row in details.items()} == {"0": {"in_use"}}
        answer = store.client.delete(url + REJECTING, rows).json()
        assert answer["results"] == [{"id": free["id"]}]
        assert list(answer["errors"]) == ["0"]


class TestCategories:
    def test_moves_that_make_a_loop_together(self, store: Store) -> None:
        url = f"{API}categories/bulk/"
        one, two, three = (store.category()["id"] for _ in range(3))
        loop = [{"id": one, "parent": two}, {"id": two, "parent": one}, {"id": three, "name": "T"}]
        details = assert_error(store.client.patch(url, loop), 400)["rows"]
        assert {place: codes(row) for place, row in details.items()} == {
            "0": {"loop"},
            "1": {"loop"},
        }
        chain = [{"id": one, "parent": two}, {"id": two, "parent": three}]
        assert store.client.patch(url, chain).json()["updated_count"] == 2

    def test_parent_and_child_leave_together(self, store: Store) -> None:
        parent = store.category()
        child = store.category(parent=parent["id"])
        assert_error(store.client.delete(f"{API}categories/{parent['id']}/"), 409, "in_use")
        rows = [{"id": parent["id"]}, {"id": child["id"]}]
        answer = store.client.delete(f"{API}categories/bulk/", rows)
        assert answer.json()["deleted_count"] == 2


class TestPricesByFilter:
    def test_percent_amount_and_dry_run(self, store: Store) -> None:
        category = store.category()["id"]
        made = {sku: store.product(sku=sku, price="105", category=category) for sku in "AB"}
        other = store.product(sku="C", price="105")
        rule = {"filter": {"category": category}, "percent": "-10", "dry_run": True}
        answer = store.client.post(PRICES, rule).json()
        assert (answer["updated_count"], answer["dry_run"]) == (2, True)
        assert {row["price"] for row in answer["results"]} == {"94"}, "rounded down"
        assert {row["previous_price"] for row in answer["results"]} == {"105"}
        assert store.get(f"products/{made['A']['id']}/") == made["A"], "a dry run writes nothing"
        done = store.client.post(PRICES, {**rule, "dry_run": False}).json()
        assert done == {**answer, "dry_run": False}
        assert store.get(f"products/{made['A']['id']}/")["price"] == "94"
        assert store.get(f"products/{other['id']}/") == other
        raised = store.client.post(PRICES, {"filter": {"price_max": "94"}, "amount": "6"}).json()
        assert {row["price"] for row in raised["results"]} == {"100"}

    @pytest.mark.parametrize(
        ("rounding", "expected"), [("floor", "16"), ("half_up", "17"), ("ceil", "17")]
    )
    def test_by_the_tenants_rounding(self, rounding: str, expected: str) -> None:
        store = Store(make_shop(tax_rounding=rounding))
        store.product(price="15")
        answer = store.client.post(PRICES, {"filter": {}, "percent": "10"}).json()
        assert [row["price"] for row in answer["results"]] == [expected]

    def test_faults_by_product(self, store: Store, shop: Shop) -> None:
        rights = [f"catalog.{verb}_product" for verb in ("change", "bulk", "view")]
        clerk = shop.hire("clerk", rights)
        cheap, dear = store.product(price="100"), store.product(price="1000")
        rule = {"filter": {}, "amount": "-60"}
        details = assert_error(clerk.post(PRICES, rule), 400)
        assert {pk: codes(row) for pk, row in details["rows"].items()} == {
            cheap["id"]: {"price_floor"}
        }
        assert details["error_count"] == 1
        answer = clerk.post(PRICES + REJECTING, rule).json()
        assert (answer["updated_count"], answer["error_count"]) == (1, 1)
        assert store.get(f"products/{dear['id']}/")["price"] == "940"
        owner = store.client.post(PRICES + REJECTING, {"filter": {}, "amount": "-200"}).json()
        assert codes(owner["errors"][cheap["id"]]) == {"out_of_range"}

    @pytest.mark.parametrize(
        ("body", "name"),
        [
            ({"percent": "1"}, "filter"),
            ({"filter": {}}, "non_field_errors"),
            ({"filter": {}, "percent": "1", "amount": "1"}, "non_field_errors"),
            ({"filter": {"colour": "red"}, "percent": "1"}, "filter"),
            ({"filter": {"price_min": "x"}, "percent": "1"}, "filter"),
            ({"filter": {"status": ["draft"]}, "percent": "1"}, "filter"),
            ({"filter": {}, "percent": "-100"}, "percent"),
            ({"filter": {}, "percent": "NaN"}, "percent"),
            ({"filter": {}, "amount": "0.5"}, "amount"),
            ({"filter": {}, "percent": "1", "dry_run": "yes"}, "dry_run"),
            ({"filter": [], "percent": "1"}, "filter"),
            ([], "non_field_errors"),
            ("x", "non_field_errors"),
        ],
    )
    def test_hostile_rules(self, store: Store, body: Any, name: str) -> None:
        product = store.product(price="100")
        assert name in assert_error(store.client.post(PRICES, body), 400, "validation_error")
        assert store.get(f"products/{product['id']}/") == product
