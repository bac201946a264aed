# ruff: noqa: S101
"""What was written of a row, and the row as it was."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from noren_kit.testing.answers import assert_error
from noren_kit.testing.contract.base import ContractBase
from noren_kit.testing.shops import Client, Shop


def _moment() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


class HistoryContract(ContractBase):
    """`{id}/history/` and `?as_of=`, for every resource whose table has a history."""

    def history(self, client: Client, row: dict[str, Any]) -> list[dict[str, Any]]:
        response = client.get(f"{self.row_url(row)}history/", {"cursor": ""})
        assert response.status_code == 200, response.json()
        found: list[dict[str, Any]] = response.json()["results"]
        return found

    def test_history_tells_what_was_written(
        self, client: Client, shop: Shop, body: dict[str, Any]
    ) -> None:
        if not self.view.has_history():
            return
        made = self.make(client, body)
        entries = self.history(client, made)
        first = entries[-1]
        person = shop.users["owner"]
        assert first["operation"] == "insert"
        assert first["actor"] == {"id": str(person.id), "name": person.display_name}
        assert uuid.UUID(first["credential_id"])
        assert first["request_id"]
        assert all(each["old"] is None for each in first["changes"].values())
        told: dict[str, Any] = {}
        for entry in reversed(entries):
            told |= {name: each["new"] for name, each in entry["changes"].items() if name in made}
        assert told == {name: made[name] for name in told}
        if "patch" not in self.verbs()["detail"] or not self.update:
            return
        before = len(self.history(client, made))
        changed = client.patch(self.row_url(made), self.update, headers={"X-Request-ID": "r.1"})
        assert changed.status_code == 200, changed.json()
        latest, *earlier = self.history(client, made)
        if latest["request_id"] != "r.1":
            return  # What changed stands in rows of its own.
        assert len(earlier) == before
        assert latest["operation"] == "update"
        after = changed.json()
        for name in set(latest["changes"]) & set(made):
            assert latest["changes"][name] == {"old": made[name], "new": after[name]}

    def test_row_as_it_was(self, client: Client, body: dict[str, Any]) -> None:
        if not self.view.has_history():
            return
        early = _moment()
        made, then = self.make(client, body), _moment()
        if "patch" in self.verbs()["detail"]:
            client.patch(self.row_url(made), self.update)
        assert_error(client.get(self.row_url(made), {"as_of": early}), 404, "not_found")
        response = client.get(self.row_url(made), {"as_of": then})
        assert response.status_code == 200, response.json()
        was = response.json()
        assert list(was) == list(client.get(self.row_url(made)).json())
        assert {name: was[name] for name in was if was[name] is not None} == {
            name: made[name] for name in was if was[name] is not None
        }
        self.refused(client.get(self.row_url(made), {"as_of": "then"}), "as_of", "invalid")
        self.refused(client.get(self.url, {"as_of": then}), "as_of", "unknown_parameter")

    def test_history_of_another_tenants_row(
        self, client: Client, neighbour: Shop, body: dict[str, Any]
    ) -> None:
        if not self.view.has_history():
            return
        stranger = neighbour.client()
        with self.elsewhere(stranger):
            foreign = self.make(stranger, {**self.create, **self.related(stranger)})
        for row in (foreign, {"id": str(uuid.uuid4())}):
            assert_error(client.get(f"{self.row_url(row)}history/"), 404, "not_found")
            assert_error(client.get(self.row_url(row), {"as_of": _moment()}), 404, "not_found")

    def test_history_of_a_deleted_row(
        self, client: Client, shop: Shop, body: dict[str, Any]
    ) -> None:
        if not self.view.has_history() or "delete" not in self.verbs()["detail"]:
            return
        made, then = self.make(client, body), _moment()
        assert client.delete(self.row_url(made)).status_code == 204
        latest, *_earlier = self.history(client, made)
        assert latest["operation"] == "delete"
        assert_error(shop.client("viewer").get(f"{self.row_url(made)}history/"), 404)
        assert client.get(self.row_url(made), {"as_of": then}).status_code == 200
        assert_error(client.get(self.row_url(made), {"as_of": _moment()}), 404, "not_found")
