# ruff: noqa: S101
"""Who may: nobody unsigned, each role its own, and another tenant not even to know."""

from __future__ import annotations

import uuid
from typing import Any

from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.contract.base import ContractBase
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop

KNOWN_VERBS = ("get", "post", "put", "patch", "delete")


class AccessContract(ContractBase):
    """Rights by role, requests without a credential, rows of another tenant."""

    def _requests(self, row: dict[str, Any], body: dict[str, Any]) -> list[tuple[str, str, Any]]:
        """Every offered verb with its URL and a body that would be taken."""
        bodies = {"post": body, "put": body, "patch": self.update}
        offered = self.verbs()
        return [
            (verb, url, bodies.get(verb))
            for kind, url in (("list", self.url), ("detail", self.row_url(row)))
            for verb in sorted(offered[kind])
        ]

    def test_not_signed_in(self, client: Client, body: dict[str, Any]) -> None:
        made = self.make(client, body)
        for verb, url, sent in self._requests(made, body):
            for stranger in (Client(), Client("not-a-token")):
                response = getattr(stranger, verb)(url, sent)
                assert_error(response, 401)
                assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert self.ids(client) == [made["id"]]

    def test_viewer_reads_and_writes_nothing(
        self, client: Client, shop: Shop, body: dict[str, Any]
    ) -> None:
        made = self.make(client, body)
        viewer = shop.client("viewer")
        for verb, url, sent in self._requests(made, body):
            response = getattr(viewer, verb)(url, sent)
            if verb == "get":
                assert response.status_code == 200
            else:
                assert_error(response, 403, "permission_denied")
        assert client.get(self.row_url(made)).json() == made
        assert self.ids(client) == [made["id"]]

    def test_staff_adds_and_changes_but_a_manager_deletes(
        self, client: Client, shop: Shop, body: dict[str, Any]
    ) -> None:
        staff, manager = shop.client("staff"), shop.client("manager")
        made = self.make(staff, body)
        offered = self.verbs()["detail"]
        if "patch" in offered:
            assert staff.patch(self.row_url(made), self.update).status_code == 200
        if "delete" in offered:
            assert_error(staff.delete(self.row_url(made)), 403, "permission_denied")
            assert self.ids(client) == [made["id"]]
            assert manager.delete(self.row_url(made)).status_code == 204

    def test_another_tenants_row_is_unknown(
        self, client: Client, neighbour: Shop, body: dict[str, Any]
    ) -> None:
        """Alike in status, body, headers and work, whether the id is foreign or never existed."""
        stranger = neighbour.client()
        with self.elsewhere(stranger):
            foreign = self.make(stranger, {**self.create, **self.related(stranger)})
            url_there = self.row_url(foreign)
        unknown = {"id": str(uuid.uuid4())}
        for verb in sorted(self.verbs()["detail"]):
            sent = {"put": body, "patch": self.update}.get(verb)
            seen = []
            for row in (foreign, unknown):
                with recorded_statements() as statements:
                    response = getattr(client, verb)(self.row_url(row), sent)
                assert_error(response, 404, "not_found")
                seen.append((outward(response, row["id"]), statements))
            assert seen[0] == seen[1], verb
        assert self.rows(client) == []
        assert self.ids(client, ids=foreign["id"]) == []
        assert stranger.get(url_there).json() == foreign

    def test_request_id_is_echoed_or_made(self, client: Client) -> None:
        taken = client.get(self.url, headers={"X-Request-ID": "my.Request_1-a"})
        assert taken.headers["X-Request-ID"] == "my.Request_1-a"
        for bad in ("x" * 65, "a b", "é", "a;b", ""):
            made = client.get(self.url, headers={"X-Request-ID": bad}).headers["X-Request-ID"]
            assert uuid.UUID(made).version == 7
        assert_error(client.get(self.row_url(uuid.uuid4())), 404)

    def test_verb_not_offered(self, client: Client, body: dict[str, Any]) -> None:
        made = self.make(client, body)
        for kind, url in (("list", self.url), ("detail", self.row_url(made))):
            for verb in KNOWN_VERBS:
                if verb not in self.verbs()[kind]:
                    response = getattr(client, verb)(url)
                    assert_error(response, 405, "method_not_allowed")
                    assert response.headers["Allow"]
        assert client.get(self.row_url(made)).json() == made

    def test_problem_document(self, client: Client) -> None:
        """RFC 9457, section 3, for those who accept it."""
        response = client.get(
            self.row_url(uuid.uuid4()), headers={"Accept": "application/problem+json"}
        )
        assert response.status_code == 404
        assert response.headers["Content-Type"] == "application/problem+json"
        body = response.json()
        assert body["status"] == 404
        assert body["code"] == "not_found"
        assert body["request_id"] == response.headers["X-Request-ID"]
        assert set(body) >= {"type", "title", "detail", "instance", "details"}
