# ruff: noqa: S101
"""Bulk calls: each row judged as it would be alone, all written or only the good ones."""

from __future__ import annotations

import uuid
from typing import Any

from noren_kit.core.conf import conf
from noren_kit.testing.answers import assert_error
from noren_kit.testing.contract.base import ContractBase
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop

_REJECTING = "reject_failed_rows"


class BulkContract(ContractBase):
    """`POST`, `PATCH` and `DELETE bulk/`. A resource without them says why in `not_bulk`."""

    #: How many new rows one caller can make in one call.
    most_new: int = 1_000

    @property
    def bulk_url(self) -> str:
        return f"{self.url}bulk/"

    def _offers(self, verb: str) -> bool:
        return not self.view.not_bulk and verb in self.view.http_method_names

    def _bodies(self, body: dict[str, Any], count: int, start: int = 1) -> list[dict[str, Any]]:
        numbers = range(start, start + min(count, self.most_new))
        return [{**body, **self.distinct(number)} for number in numbers]

    def test_a_resource_without_bulk_calls_says_why(self, client: Client) -> None:
        if self.view.not_bulk:
            assert len(self.view.not_bulk) > 10
            for verb in ("post", "patch"):
                response = getattr(client, verb)(self.bulk_url, [])
                assert response.status_code in (404, 405)

    def test_bulk_create(self, client: Client, shop: Shop, body: dict[str, Any]) -> None:
        if not self._offers("post"):
            return
        sent = self._bodies(body, 3)
        response = client.post(self.bulk_url, sent)
        assert response.status_code == 201, response.json()
        answer = response.json()
        assert set(answer) == {"created_count", "results", "errors"}
        assert answer["created_count"] == len(sent) == len(answer["results"])
        assert answer["errors"] == {}
        owner = {"id": str(shop.users["owner"].id), "name": shop.users["owner"].display_name}
        unique = [name for name in self.unique_members() if name in sent[0]]
        for made, given in zip(answer["results"], sent, strict=True):
            assert made == client.get(self.row_url(made)).json()
            assert made["created_by"] == made["updated_by"] == owner
            assert [made[name] for name in unique] == [given[name] for name in unique]
        alone = self._alone(client, body)
        assert self._comparable(answer["results"][0]) == self._comparable(alone)

    def _alone(self, client: Client, body: dict[str, Any]) -> dict[str, Any]:
        """A row as a single POST shows it, made where the first of several was."""
        assert client.delete(self.row_url(uuid.UUID(self.ids(client)[-1]))).status_code == 204
        response = client.post(self.url, {**body, **self.distinct(1)})
        assert response.status_code == 201, response.json()
        made: dict[str, Any] = response.json()
        return made

    @staticmethod
    def _comparable(row: dict[str, Any]) -> dict[str, Any]:
        moving = {"id", "created_at", "updated_at"}
        return {name: value for name, value in row.items() if name not in moving}

    def test_bulk_update(self, client: Client, shop: Shop, body: dict[str, Any]) -> None:
        if not self._offers("patch"):
            return
        rows = self.make_many(client, body, 3)
        mine = rows[:1] if self.rows_have_owners else rows[:2]
        names = [name for name in self.update if name not in self.unique_members()]
        change = {name: self.update[name] for name in names} or dict(self.update)
        changed = mine[:1] if not names else mine
        response = client.patch(self.bulk_url, [{"id": row["id"], **change} for row in changed])
        assert response.status_code == 200, response.json()
        answer = response.json()
        assert set(answer) == {"updated_count", "results", "errors"}
        assert answer["updated_count"] == len(changed)
        assert [row["id"] for row in answer["results"]] == [row["id"] for row in changed]
        for before, after in zip(changed, answer["results"], strict=True):
            assert {name: after[name] for name in change} == change
            assert after["updated_at"] > before["updated_at"]
            assert client.get(self.row_url(after)).json() == after
        assert client.get(self.row_url(rows[2])).json() == rows[2]

    def test_bulk_delete(self, client: Client, body: dict[str, Any]) -> None:
        if not self._offers("delete"):
            return
        rows = self.make_many(client, body, 3)
        gone = [{"id": row["id"]} for row in rows[:2]]
        response = client.delete(self.bulk_url, gone)
        assert response.status_code == 200, response.json()
        assert response.json() == {"deleted_count": 2, "results": gone, "errors": {}}
        assert self.ids(client) == [rows[2]["id"]]
        assert sorted(self.ids(client, deleted="true")) == sorted(row["id"] for row in gone)

    def test_faults_by_place_and_nothing_stored(self, client: Client, body: dict[str, Any]) -> None:
        if not self._offers("post"):
            return
        required = {name for name, field in self.write_fields().items() if field.required}
        rows: list[Any] = [body, {}, "text", None, 5, [], {**body, "colour": "red"}]
        details = assert_error(client.post(self.bulk_url, rows), 400, "validation_error")
        assert set(details) == {"rows"}
        assert set(details["rows"]) == {"1", "2", "3", "4", "5", "6"}
        assert set(details["rows"]["1"]) == required
        assert {each["code"] for each in details["rows"]["6"]["colour"]} == {"unknown_field"}
        assert self.rows(client) == []
        answer = client.post(f"{self.bulk_url}?mode={_REJECTING}", rows)
        assert answer.status_code == 201, answer.json()
        assert answer.json()["created_count"] == 1
        assert answer.json()["errors"] == details["rows"]
        assert self.ids(client) == [row["id"] for row in answer.json()["results"]]
        nothing = client.post(f"{self.bulk_url}?mode={_REJECTING}", rows[1:])
        assert nothing.status_code == 200
        assert nothing.json()["created_count"] == 0

    def test_duplicates_in_bulk_are_named(self, client: Client, body: dict[str, Any]) -> None:
        unique = self.unique_members()
        if not self._offers("post") or not unique:
            return
        made = self.make(client, body)
        fresh = {**body, **self.distinct(1)}
        rows = [body, fresh, {**fresh}]
        details = assert_error(client.post(self.bulk_url, rows), 400)["rows"]
        assert set(details) == {"0", "2"}
        for faults in details.values():
            assert set(faults) & set(unique)
            assert {each["code"] for every in faults.values() for each in every} == {"duplicate"}
        assert self.ids(client) == [made["id"]]
        answer = client.post(f"{self.bulk_url}?mode={_REJECTING}", rows).json()
        assert answer["created_count"] == 1
        assert set(answer["errors"]) == {"0", "2"}

    def test_ids_that_can_not_be_written(
        self, client: Client, neighbour: Shop, body: dict[str, Any]
    ) -> None:
        """Unknown, another tenant's, malformed, missing and repeated ones, by their places."""
        if not self._offers("patch"):
            return
        stranger = neighbour.client()
        with self.elsewhere(stranger):
            foreign = self.make(stranger, {**self.create, **self.related(stranger)})
            url_there = self.row_url(foreign)
        made = self.make(client, body)
        ids: list[Any] = [made["id"], foreign["id"], str(uuid.uuid4()), "x", 5, made["id"]]
        rows: list[Any] = [*({"id": each} for each in ids), {}, "x"]
        for verb in ("patch", "delete"):
            details = assert_error(getattr(client, verb)(self.bulk_url, rows), 400)["rows"]
            codes = {
                place: {each["code"] for faults in row.values() for each in faults}
                for place, row in details.items()
            }
            assert codes.pop("6") == {"required"}
            assert codes.pop("7") == {"invalid"}
            assert "repeated" in codes.pop("5")
            assert set(codes) == {"1", "2", "3", "4"}
            assert all("not_found" in each for each in codes.values()), codes
            assert details["1"] == details["2"], "a foreign id is as an unknown one"
        assert client.get(self.row_url(made)).json() == made
        answer = client.patch(f"{self.bulk_url}?mode={_REJECTING}", rows).json()
        assert (answer["updated_count"], len(answer["errors"])) == (1, 7)
        answer = client.delete(f"{self.bulk_url}?mode={_REJECTING}", rows).json()
        assert (answer["deleted_count"], len(answer["errors"])) == (1, 7)
        assert self.ids(client) == []
        assert stranger.get(url_there).json() == foreign

    def test_bodies_that_are_no_rows(self, client: Client, body: dict[str, Any]) -> None:
        if not self._offers("post"):
            return
        many: list[Any] = [{}] * (conf.MAX_BULK_ROWS + 1)
        cases = [({}, "not_a_list"), (body, "not_a_list"), ("x", "not_a_list"), ([], "empty")]
        for verb in ("post", "patch", "delete"):
            send = getattr(client, verb)
            for sent, code in [*cases, (many, "too_many")]:
                self.refused(send(self.bulk_url, sent), "non_field_errors", code)
            self.refused(send(f"{self.bulk_url}?mode=some", [{}]), "mode", "invalid")
            self.refused(send(f"{self.bulk_url}?colour=red", [{}]), "colour", "unknown_parameter")
        assert self.rows(client) == []

    def test_who_may(self, client: Client, shop: Shop, body: dict[str, Any]) -> None:
        if not self._offers("post"):
            return
        made = self.make(client, body)
        fresh, row = {**body, **self.distinct(1)}, {"id": made["id"]}
        for caller, status in (
            (Client(), 401),
            (shop.client("viewer"), 403),
            (shop.client("staff"), 403),
        ):
            for verb, sent in (("post", fresh), ("patch", row), ("delete", row)):
                assert_error(getattr(caller, verb)(self.bulk_url, [sent]), status)
        assert self.ids(client) == [made["id"]]
        assert client.get(self.row_url(made)).json() == made
        manager = shop.client("manager")
        assert manager.post(self.bulk_url, [fresh]).status_code == 201
        assert manager.delete(self.bulk_url, [row]).status_code == 200

    def test_statements_do_not_grow_with_the_rows(
        self, client: Client, body: dict[str, Any]
    ) -> None:
        if not self._offers("post"):
            return
        counts = []
        client.get(self.url)
        for size, start in ((2, 1), (20, 100)):
            counted = []
            sent = self._bodies(body, size, start)
            with recorded_statements() as statements:
                answer = client.post(self.bulk_url, sent)
            assert answer.status_code == 201, answer.json()
            counted.append(len(statements))
            rows = [{"id": row["id"]} for row in answer.json()["results"]]
            names = set(self.update) - set(self.unique_members())
            change = {name: self.update[name] for name in names}
            for verb, more in (("patch", change), ("delete", {})):
                with recorded_statements() as statements:
                    done = getattr(client, verb)(self.bulk_url, [{**row, **more} for row in rows])
                assert done.status_code == 200, done.json()
                counted.append(len(statements))
            counts.append(counted)
        assert counts[0] == counts[1]
