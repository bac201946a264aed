# ruff: noqa: S101
"""Below another resource: the parent is the path's, and hides all that is below another one."""

from __future__ import annotations

import uuid
from typing import Any

from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.contract.base import ContractBase
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop


class NestedContract(ContractBase):
    """Of resources whose path has a placeholder; for others there is nothing to ask."""

    def _answers(self, client: Client, parent: str, row: str, body: dict[str, Any]) -> list[Any]:
        """What a client sees below a parent, by every verb, with what it cost."""
        seen = []
        offered, url = self.verbs(), self.url_below(parent)
        for kind, target in (("list", url), ("detail", f"{url}{row}/")):
            for verb in sorted(offered[kind]):
                sent = {"post": body, "put": body, "patch": self.update}.get(verb)
                with recorded_statements() as statements:
                    response = getattr(client, verb)(target, sent)
                assert_error(response, 404, "not_found")
                seen.append((verb, outward(response, parent), statements))
        return seen

    def test_a_foreign_parent_is_unknown(
        self, client: Client, neighbour: Shop, body: dict[str, Any]
    ) -> None:
        """Alike in status, body, headers and work, also with a row of that parent."""
        if not self.is_nested:
            return
        stranger = neighbour.client()
        with self.elsewhere(stranger):
            foreign = self.make(stranger, {**self.create, **self.related(stranger)})
            there = self.parent_id
        unknown = self._answers(client, str(uuid.uuid4()), str(uuid.uuid4()), body)
        assert self._answers(client, there, foreign["id"], body) == unknown
        assert self._answers(client, "no-id", foreign["id"], body)

    def test_a_deleted_parent_is_unknown(self, client: Client, body: dict[str, Any]) -> None:
        if not self.is_nested:
            return
        made, parent = self.make(client, body), self.parent_id
        above = self.url.rpartition(parent)[0] + parent
        assert client.delete(f"{above}/").status_code == 204
        unknown = self._answers(client, str(uuid.uuid4()), str(uuid.uuid4()), body)
        assert self._answers(client, parent, made["id"], body) == unknown

    def test_a_row_of_another_parent_is_unknown(self, client: Client, body: dict[str, Any]) -> None:
        if not self.is_nested:
            return
        with self.elsewhere(client):
            other = self.make(client, {**body, **self.distinct(1)})
            url_there = self.row_url(other)
        for verb in sorted(self.verbs()["detail"]):
            sent = {"put": body, "patch": self.update}.get(verb)
            seen = []
            for row in (other, {"id": str(uuid.uuid4())}):
                with recorded_statements() as statements:
                    response = getattr(client, verb)(self.row_url(row), sent)
                assert_error(response, 404, "not_found")
                seen.append((outward(response, row["id"]), statements))
            assert seen[0] == seen[1], verb
        assert self.rows(client) == []
        assert client.get(url_there).json() == other

    def test_the_parent_is_not_taken_from_the_body(
        self, client: Client, body: dict[str, Any]
    ) -> None:
        if not self.is_nested:
            return
        with self.elsewhere(client):
            other = self.parent_id
        for name in (self.view.parent_field, f"{self.view.parent_field}_id"):
            self.refused(client.post(self.url, {**body, name: other}), name)
        made = self.make(client, body)
        for name in (self.view.parent_field, f"{self.view.parent_field}_id"):
            self.refused(client.patch(self.row_url(made), {name: other}), name)
