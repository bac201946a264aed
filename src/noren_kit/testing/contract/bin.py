# ruff: noqa: S101
"""The bin: what was deleted is seen by those who may restore it, and comes back as it was."""

from __future__ import annotations

import uuid
from typing import Any

from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.contract.base import ContractBase
from noren_kit.testing.contract.changing import steady
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop


class BinContract(ContractBase):
    """Of resources that delete. One whose rows do not come back says why in `not_restored`."""

    @property
    def _has_bin(self) -> bool:
        return bool(self.view.has_bin())

    def _restore(self, client: Client, row: dict[str, Any]) -> Any:
        return client.post(f"{self.row_url(row)}restore/")

    def test_what_is_deleted_for_good_says_why(self, client: Client) -> None:
        if self._has_bin or "delete" not in self.verbs()["detail"]:
            return
        assert len(self.view.not_restored) > 10
        response = client.get(f"{self.url}?deleted=true")
        self.refused(response, "deleted", "unknown_parameter")
        assert_error(client.post(f"{self.row_url(uuid.uuid4())}restore/"), 404)

    def test_deleted_rows_are_listed_and_shown_in_the_bin(
        self, client: Client, body: dict[str, Any]
    ) -> None:
        if not self._has_bin:
            return
        made, kept = self.make_many(client, body, 2)
        assert self.ids(client, deleted="true") == []
        assert client.delete(self.row_url(made)).status_code == 204
        [binned] = self.rows(client, deleted="true")
        assert binned["id"] == made["id"]
        assert binned["updated_at"] > made["updated_at"], "when it was deleted"
        assert self.ids(client, deleted="true", cursor="") == [made["id"]]
        assert self.ids(client, deleted="true", ids=kept["id"]) == []
        assert self.ids(client) == self.ids(client, deleted="false") == [kept["id"]]
        shown = client.get(self.row_url(made), {"deleted": "true"})
        assert shown.status_code == 200
        assert steady(shown.json()) == steady(made)
        assert_error(client.get(self.row_url(kept), {"deleted": "true"}), 404)
        assert_error(client.get(self.row_url(made)), 404)
        for value in ("yes", "True", "1"):
            self.refused(client.get(self.url, {"deleted": value}), "deleted", "invalid")
        self.refused(client.get(self.url, {"deleted": "true", "search": "x"}), "search")

    def test_restored_row_is_what_it_was(
        self, client: Client, shop: Shop, body: dict[str, Any]
    ) -> None:
        if not self._has_bin:
            return
        made = self.make(client, body)
        before = self.page(client)
        assert client.delete(self.row_url(made)).status_code == 204
        assert self.page(client)["count"] == before["count"] - 1
        response = self._restore(shop.client("manager"), made)
        assert response.status_code == 200, response.json()
        restored = response.json()
        assert steady(restored) == steady(made)
        assert restored["updated_by"]["id"] == str(shop.users["manager"].id)
        assert client.get(self.row_url(made)).json() == restored
        assert self.page(client)["count"] == before["count"]
        assert self.ids(client) == [made["id"]]
        assert self.ids(client, deleted="true") == []
        assert_error(self._restore(client, made), 404, "not_found")

    def test_only_those_who_may_restore_see_the_bin(
        self, client: Client, shop: Shop, body: dict[str, Any]
    ) -> None:
        if not self._has_bin:
            return
        made = self.make(client, body)
        client.delete(self.row_url(made))
        for role in ("viewer", "staff"):
            other = shop.client(role)
            for url in (self.url, self.row_url(made)):
                refused = other.get(url, {"deleted": "true"})
                assert_error(refused, 403, "permission_denied")
            assert_error(self._restore(other, made), 403, "permission_denied")
        stranger = Client()
        assert_error(stranger.get(self.url, {"deleted": "true"}), 401)
        assert_error(self._restore(stranger, made), 401)
        assert self.ids(client, deleted="true") == [made["id"]]

    def test_another_tenants_bin_is_unknown(
        self, client: Client, neighbour: Shop, body: dict[str, Any]
    ) -> None:
        if not self._has_bin:
            return
        stranger = neighbour.client()
        with self.elsewhere(stranger):
            foreign = self.make(stranger, {**self.create, **self.related(stranger)})
            assert stranger.delete(self.row_url(foreign)).status_code == 204
        seen = []
        for row in (foreign, {"id": str(uuid.uuid4())}):
            with recorded_statements() as statements:
                response = self._restore(client, row)
            assert_error(response, 404, "not_found")
            seen.append((outward(response, row["id"]), statements))
        assert seen[0] == seen[1]
        assert self.rows(client, deleted="true") == []

    def test_restoring_into_a_duplicate_is_a_conflict(
        self, client: Client, body: dict[str, Any]
    ) -> None:
        if not self._has_bin or not self.unique_members():
            return
        first = self.make(client, body)
        assert client.delete(self.row_url(first)).status_code == 204
        second = self.make(client, body)
        details = assert_error(self._restore(client, first), 409, "duplicate")
        assert set(details) & set(self.unique_members())
        assert self.ids(client) == [second["id"]]
        assert self.ids(client, deleted="true") == [first["id"]]
        assert client.delete(self.row_url(second)).status_code == 204
        assert self._restore(client, first).status_code == 200

    def test_restoring_takes_no_body(self, client: Client, body: dict[str, Any]) -> None:
        if not self._has_bin:
            return
        made = self.make(client, body)
        client.delete(self.row_url(made))
        response = client.post(f"{self.row_url(made)}restore/", {"name": "x"})
        self.refused(response, "name", "unknown_field")
        assert self.ids(client) == []
