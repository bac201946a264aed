# ruff: noqa: S101
"""Making rows: what comes back, what is refused, and that a refusal stores nothing."""

from __future__ import annotations

import uuid
from typing import Any

from noren_kit.testing.answers import assert_error
from noren_kit.testing.contract.history import HistoryContract
from noren_kit.testing.contract.lists import ORIGIN
from noren_kit.testing.shops import Client, Shop


class CreateContract(HistoryContract):
    """POST on the list."""

    #: Members of a body that the answer shows in another form.
    shown_otherwise: tuple[str, ...] = ()

    def test_create(self, client: Client, shop: Shop, body: dict[str, Any]) -> None:
        response = client.post(self.url, body)
        assert response.status_code == 201, response.json()
        made = response.json()
        assert uuid.UUID(made["id"]).version == 7
        assert response.headers["Location"] == f"{ORIGIN}{self.row_url(made)}"
        assert client.get(self.row_url(made)).json() == made
        owner = shop.users["owner"]
        person = {"id": str(owner.id), "name": owner.display_name}
        assert made["created_by"] == made["updated_by"] == person
        sent = {
            name: value
            for name, value in body.items()
            if name in made and name not in self.shown_otherwise
        }
        assert {name: made[name] for name in sent} == sent

    def test_required_fields_are_named_all_at_once(self, client: Client) -> None:
        required = {name for name, field in self.write_fields().items() if field.required}
        details = assert_error(client.post(self.url, {}), 400, "validation_error")
        assert set(details) == required
        assert {fault["code"] for faults in details.values() for fault in faults} == {"required"}

    def test_unknown_field_is_refused_by_name(self, client: Client, body: dict[str, Any]) -> None:
        for name in ("colour", "tenant", "tenant_id", "deleted_at", "is_staff"):
            self.refused(client.post(self.url, {**body, name: "x"}), name)
        details = assert_error(client.post(self.url, {"colour": 1, "size": 2}), 400)
        assert {"colour", "size"} <= set(details), "all faults at once"
        assert self.rows(client) == []

    def test_read_only_field_is_refused_by_name(self, client: Client, body: dict[str, Any]) -> None:
        made = self.make(client, body)
        writable = self.write_fields()
        fresh = {**body, **self.distinct(1)}
        for name in set(made) - set(writable):
            self.refused(client.post(self.url, {**fresh, name: made[name]}), name)
        assert self.ids(client) == [made["id"]]

    def test_duplicate_is_a_conflict(
        self, client: Client, neighbour: Shop, body: dict[str, Any]
    ) -> None:
        unique = self.unique_members()
        made = self.make(client, body)
        if unique:
            details = assert_error(client.post(self.url, body), 409, "duplicate")
            assert set(details) & set(unique), details
            assert self.ids(client) == [made["id"]]
        stranger = neighbour.client()
        body = {**self.create, **self.related(stranger)}
        with self.elsewhere(stranger):
            assert stranger.post(self.url, body).status_code == 201, "free in another tenant"

    def test_malformed_body_is_refused(self, client: Client, body: dict[str, Any]) -> None:
        for text in ("", "{", "[]", '"x"', "null", "1", '{"a":1,"a":2}', '{"a":NaN}', "\ufeff{}"):
            response = client.generic("POST", self.url, text, content_type="application/json")
            assert_error(response, 400)
        response = client.generic("POST", self.url, "a=1", content_type="text/plain")
        assert_error(response, 415, "unsupported_media_type")
        name = self.text_member()
        field = self.write_fields()[name]
        bad: list[Any] = ["a\u0000b", "a\u0007b", 1, True, [], {}, ["x"], "x" * 20_000]
        bad += [] if field.allow_blank else ["", "   "]
        bad += [] if field.allow_null else [None]
        for value in bad:
            assert_error(client.post(self.url, {**body, name: value}), 400)
        assert self.rows(client) == []

    def test_create_takes_no_parameters(self, client: Client, body: dict[str, Any]) -> None:
        self.refused(client.post(f"{self.url}?colour=red", body), "colour", "unknown_parameter")
        assert self.rows(client) == []
