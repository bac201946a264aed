# ruff: noqa: S101
"""Lists and details: their shapes, what narrows and orders them, what they cost."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from noren_kit.testing.answers import assert_error, assert_time
from noren_kit.testing.contract.retrying import RetryContract
from noren_kit.testing.contract.versions import VersionContract
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client

AUDIT_MEMBERS = {"created_at", "updated_at", "created_by", "updated_by"}
PAGE_MEMBERS = {"current_page", "total_pages", "page_size", "has_next", "has_previous"}
ORIGIN = "http://testserver"


class ListContract(RetryContract, VersionContract):
    """Reading: pages, filters, search, ordering, sparse fields, a fixed number of statements.

    Every resource is listed, so what is asked of all of them stands below this.
    """

    def test_empty_list(self, client: Client) -> None:
        body = client.get(self.url, self.only).json()
        assert body == {
            "count": 0,
            "next": None,
            "previous": None,
            "page_info": {
                "current_page": 1,
                "total_pages": 1,
                "page_size": 20,
                "has_next": False,
                "has_previous": False,
            },
            "results": [],
        }

    def test_numbered_pages(self, client: Client, body: dict[str, Any]) -> None:
        made = [row["id"] for row in self.make_many(client, body, 5)]
        first, second, third = (self.page(client, page=page, page_size=2) for page in (1, 2, 3))
        assert list(second) == ["count", "next", "previous", "page_info", "results"]
        assert second["page_info"] == {
            "current_page": 2,
            "total_pages": 3,
            "page_size": 2,
            "has_next": True,
            "has_previous": True,
        }
        for name, page in (("next", 3), ("previous", 1)):
            query = urlencode(sorted({"page": page, "page_size": 2, **self.only}.items()))
            assert second[name] == f"{ORIGIN}{self.url}?{query}"
        assert first["previous"] is None
        assert third["next"] is None
        assert {page["count"] for page in (first, second, third)} == {5}
        seen = [row["id"] for page in (first, second, third) for row in page["results"]]
        assert seen == made[::-1], "newest first"

    def test_page_out_of_range(self, client: Client, body: dict[str, Any]) -> None:
        self.make(client, body)
        assert_error(client.get(self.url, {"page": 2}), 404, "not_found")
        for name, values in (
            ("page", ("0", "-1", "x", "", "1.0", "١", "9" * 30)),
            ("page_size", ("0", "101", "-1", "x", "", "9" * 30)),
        ):
            for value in values:
                self.refused(client.get(self.url, {name: value}), name)
        self.refused(client.get(f"{self.url}?page=1&cursor="), "page")

    def test_row_and_detail_agree(self, client: Client, body: dict[str, Any]) -> None:
        made = self.make(client, body)
        (row,) = self.rows(client)
        detail = client.get(self.row_url(made)).json()
        assert set(detail) >= {"id"} | AUDIT_MEMBERS
        assert row == {name: detail[name] for name in row}
        assert {"id"} | AUDIT_MEMBERS <= set(row)
        assert_time(row["created_at"])
        assert_time(row["updated_at"])

    def test_filters_of_every_resource(self, client: Client, body: dict[str, Any]) -> None:
        made = self.make_many(client, body, 3)
        ids, middle = [row["id"] for row in made], made[1]
        assert self.ids(client, ids=f"{ids[2]},{ids[0]}") == [ids[2], ids[0]]
        assert self.ids(client, ids=str(uuid.uuid4())) == []
        for name in ("created", "updated"):
            moment = middle[f"{name}_at"]
            assert self.ids(client, **{f"{name}_after": moment}) == [ids[2], ids[1]]
            assert self.ids(client, **{f"{name}_before": moment}) == [ids[0]]

    def test_malformed_filter_is_refused_by_name(self, client: Client) -> None:
        self.refused(client.get(self.url, {"ids": "x"}), "ids")
        self.refused(client.get(self.url, {"ids": ",".join([str(uuid.uuid4())] * 101)}), "ids")
        for name in ("created_after", "created_before", "updated_after", "updated_before"):
            for value in ("x", "0000-01-01", "-5", "99999999", "2026-02-30T00:00Z"):
                self.refused(client.get(self.url, {name: value}), name)

    def test_unknown_parameter_is_refused_by_name(
        self, client: Client, body: dict[str, Any]
    ) -> None:
        detail = self.row_url(self.make(client, body))
        for url in (self.url, detail):
            self.refused(client.get(url, {"colour": "red"}), "colour", "unknown_parameter")
            self.refused(client.get(url, {"tenant_id": "x"}), "tenant_id", "unknown_parameter")
        self.refused(client.get(f"{self.url}?page=1&page=1"), "page", "repeated")
        self.refused(client.get(detail, {"page": 1}), "page", "unknown_parameter")

    def test_ordering(self, client: Client, body: dict[str, Any]) -> None:
        rows = {row["id"]: row for row in self.make_many(client, body, 4)}
        for name in self.view.orderings():
            up, down = self.ids(client, ordering=name), self.ids(client, ordering=f"-{name}")
            assert down == up[::-1]
            assert set(up) == set(rows)
        assert self.ids(client) == sorted(rows, reverse=True)
        for value in ("colour", "id__x", "tenant__name", "created_by__password", "--name", "?"):
            self.refused(client.get(self.url, {"ordering": value}), "ordering")

    def test_search(self, client: Client, body: dict[str, Any]) -> None:
        if not self.view.search_fields:
            self.refused(client.get(self.url, {"search": "x"}), "search", "unknown_parameter")
            return
        made = self.make(client, body)
        shown = [made[name] for name in self.view.search_fields if made.get(name)]
        assert shown, "no search field has a value: give one in `create`"
        for text in shown:
            assert self.ids(client, search=text) == [made["id"]]
            assert self.ids(client, search=text.upper()) == [made["id"]]
        assert self.ids(client, search="zzqx") == []
        assert self.ids(client, search=f"{shown[0]} zzqx") == []
        self.refused(client.get(self.url, {"search": "a " * 11}), "search")

    def test_sparse_fields(self, client: Client, body: dict[str, Any]) -> None:
        detail = self.row_url(self.make(client, body))

        def shown(url: str, **parameters: str) -> dict[str, Any]:
            answer: dict[str, Any] = client.get(url, parameters).json()
            row: dict[str, Any] = answer["results"][0] if url == self.url else answer
            return row

        for url in (self.url, detail):
            whole = shown(url)
            assert shown(url, fields="id,created_by") == {
                name: whole[name] for name in ("id", "created_by")
            }
            omitted = shown(url, omit="created_at,id")
            assert omitted == {
                name: value for name, value in whole.items() if name not in ("created_at", "id")
            }
            self.refused(client.get(url, {"fields": "id,colour"}), "fields", "unknown_field")
            self.refused(client.get(url, {"omit": "tenant"}), "omit", "unknown_field")

    def test_statements_do_not_grow_with_the_page(
        self, client: Client, body: dict[str, Any]
    ) -> None:
        made = self.make_many(client, body, 20)
        for start in ({}, {"cursor": ""}):
            counts = []
            for size in (1, 2, 20):
                with recorded_statements() as statements:
                    assert len(self.rows(client, page_size=size, **start)) == size
                counts.append(len(statements))
            assert len(set(counts)) == 1, counts
        with recorded_statements() as statements:
            client.get(self.row_url(made[0]))
        assert len(statements) <= 6, statements

    def test_malformed_id_is_unknown(self, client: Client) -> None:
        for pk in ("x", "1", "%20", "..%2f", str(uuid.uuid4()) + "0", "٣"):
            assert_error(client.get(f"{self.url}{pk}/"), 404, "not_found")
