# ruff: noqa: S101
"""Changing and deleting rows."""

from __future__ import annotations

from typing import Any

from noren_kit.testing.answers import assert_error
from noren_kit.testing.contract.base import ContractBase
from noren_kit.testing.shops import Client, Shop

_MOVING = ("updated_at", "updated_by")


def steady(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _MOVING}


class ChangeContract(ContractBase):
    """PUT and PATCH on the detail. `update` holds members of a body and their new values."""

    #: Members that follow from others, so that they may change with `update`.
    follows: tuple[str, ...] = ()
    #: Members that a body may hold on creation alone.
    create_only: tuple[str, ...] = ()

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        """A body for PUT."""
        return {name: value for name, value in body.items() if name not in self.create_only}

    def _expected(self, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        followed = {name: after[name] for name in self.follows}
        return {**steady(before), **followed, **self.update}

    def test_patch_changes_what_it_names(
        self, client: Client, shop: Shop, body: dict[str, Any]
    ) -> None:
        staff = shop.client("staff")
        made = self.make(staff if self.rows_have_owners else client, body)
        response = staff.patch(self.row_url(made), self.update)
        assert response.status_code == 200, response.json()
        changed = response.json()
        assert steady(changed) == self._expected(made, changed)
        assert changed["updated_at"] > made["updated_at"]
        person = shop.users["staff"]
        assert changed["updated_by"] == {"id": str(person.id), "name": person.display_name}
        assert client.get(self.row_url(made)).json() == changed

    def test_empty_patch_changes_nothing_else(self, client: Client, body: dict[str, Any]) -> None:
        made = self.make(client, body)
        response = client.patch(self.row_url(made), {})
        assert response.status_code == 200, response.json()
        assert steady(response.json()) == steady(made)

    def test_put_takes_the_whole(self, client: Client, body: dict[str, Any]) -> None:
        made = self.make(client, body)
        response = client.put(self.row_url(made), {**self.whole(body), **self.update})
        assert response.status_code == 200, response.json()
        changed = response.json()
        assert steady(changed) == self._expected(made, changed)
        assert client.get(self.row_url(made)).json() == changed

    def test_put_names_what_is_missing(self, client: Client, body: dict[str, Any]) -> None:
        made = self.make(client, body)
        required = {name for name, field in self.write_fields().items() if field.required}
        details = assert_error(client.put(self.row_url(made), {}), 400, "validation_error")
        assert set(details) == required - set(self.create_only)

    def test_unknown_or_read_only_member_changes_nothing(
        self, client: Client, body: dict[str, Any]
    ) -> None:
        made = self.make(client, body)
        url = self.row_url(made)
        names = {"colour", "tenant_id"} | (set(made) - set(self.write_fields()))
        for name in names | set(self.create_only):
            value = made.get(name, "x")
            self.refused(client.patch(url, {**self.update, name: value}), name)
            self.refused(client.put(url, {**self.whole(body), name: value}), name)
        for verb in (client.patch, client.put):
            self.refused(verb(f"{url}?colour=red", self.update), "colour", "unknown_parameter")
        assert client.get(url).json() == made

    def test_change_into_a_duplicate_is_a_conflict(
        self, client: Client, body: dict[str, Any]
    ) -> None:
        made = self.make(client, body)
        other = {**body, **self.distinct(1)}
        unique = [name for name in self.unique_members() if name in self.distinct(1)]
        if not unique:
            return
        second = self.make(client, other)
        taken = {name: body[name] for name in unique}
        assert_error(client.patch(self.row_url(second), taken), 409, "duplicate")
        assert client.get(self.row_url(second)).json() == second
        assert client.patch(self.row_url(made), taken).status_code == 200, "its own value stays"


class DeleteContract(ContractBase):
    """DELETE on the detail: the row leaves, and its unique values are free."""

    def test_deleted_row_is_gone(self, client: Client, body: dict[str, Any]) -> None:
        made = self.make(client, body)
        response = client.delete(self.row_url(made))
        assert response.status_code == 204
        assert response.content == b""
        bodies = {"put": body, "patch": self.update}
        for verb in sorted(self.verbs()["detail"]):
            gone = getattr(client, verb)(self.row_url(made), bodies.get(verb))
            assert_error(gone, 404, "not_found")
        assert self.rows(client) == []
        assert self.rows(client, cursor="") == []
        assert self.ids(client, ids=made["id"]) == []

    def test_unique_values_are_free_again(self, client: Client, body: dict[str, Any]) -> None:
        first = self.make(client, body)
        assert client.delete(self.row_url(first)).status_code == 204
        second = self.make(client, body)
        assert second["id"] != first["id"]
        assert self.ids(client) == [second["id"]]
        assert client.delete(self.row_url(second)).status_code == 204
        assert client.post(self.url, body).status_code == 201, "and again"

    def test_delete_takes_no_parameters(self, client: Client, body: dict[str, Any]) -> None:
        made = self.make(client, body)
        url = f"{self.row_url(made)}?force=true"
        self.refused(client.delete(url), "force", "unknown_parameter")
        assert self.ids(client) == [made["id"]]

    def test_row_is_kept_for_its_history(
        self, client: Client, shop: Shop, body: dict[str, Any]
    ) -> None:
        made = self.make(client, body)
        client.delete(self.row_url(made))
        with shop.entered():
            every: Any = self.model.every  # type: ignore[attr-defined]
            row = every.get(id=made["id"])
        assert row.deleted_at is not None
        assert row.updated_by_id == shop.users["owner"].id
