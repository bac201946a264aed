# ruff: noqa: S101
"""Cursors: no row twice and none skipped, while others insert and delete."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

from noren_kit.testing.contract.base import ContractBase
from noren_kit.testing.shops import Client, Shop

PAGE = 3
# Writes in one direction of a walk: enough to meet every page of the rows that are watched.
DISTURBANCES = 3


def _token(link: str) -> str:
    return parse_qs(urlsplit(link).query)["cursor"][0]


class CursorContract(ContractBase):
    """Pages by cursor, in every ordering that the resource offers."""

    def test_cursor_shape(self, client: Client, body: dict[str, Any]) -> None:
        self.make_many(client, body, 5)
        first = self.page(client, cursor="", page_size=2)
        assert list(first) == ["next", "previous", "cursor_info", "results"]
        ordering = [*self.view.ordering, "-id"]
        assert first["cursor_info"] == {
            "current_cursor": None,
            "page_size": 2,
            "ordering": ordering,
        }
        assert first["previous"] is None
        second = client.get(first["next"]).json()
        token = _token(first["next"])
        assert second["cursor_info"] == {
            "current_cursor": token,
            "page_size": 2,
            "ordering": ordering,
        }
        assert second["next"] is not None
        assert second["previous"] is not None
        last = client.get(second["next"]).json()
        assert last["next"] is None
        assert len(last["results"]) == 1
        assert client.get(second["previous"]).json()["results"] == first["results"]

    def test_cursor_of_an_empty_list(self, client: Client) -> None:
        empty = client.get(self.url, {"cursor": "", **self.only}).json()
        assert empty["next"] is empty["previous"] is None
        assert empty["results"] == []

    def test_cursor_is_bound_to_its_list(
        self, client: Client, neighbour: Shop, body: dict[str, Any]
    ) -> None:
        self.make_many(client, body, 3)
        link = self.page(client, cursor="", page_size=1)["next"]
        token = _token(link)
        stranger = neighbour.client()
        with self.elsewhere(stranger):
            self.refused(stranger.get(self.url, {"cursor": token}), "cursor", "invalid")
        other = {"cursor": token, "ordering": "created_at"}
        self.refused(client.get(self.url, other), "cursor", "invalid")
        for bad in (token[:-1], token + "x", "x", "é", token.replace(":", "", 1)):
            self.refused(client.get(self.url, {"cursor": bad}), "cursor", "invalid")

    def test_cursor_survives_writes(self, client: Client, body: dict[str, Any]) -> None:
        """Forwards and back in each ordering, with a row made and one deleted at every step."""
        number = 0
        for name in self.view.orderings():
            for ordering in (name, f"-{name}"):
                walk = _Walk(self, client, body, number)
                walk.check(ordering)
                number = walk.number

    def test_cursor_goes_on_from_a_deleted_row(self, client: Client, body: dict[str, Any]) -> None:
        """A cursor stands at a place, not on a row."""
        if "delete" not in self.verbs()["detail"]:
            return
        ids = [row["id"] for row in self.make_many(client, body, 5)][::-1]
        first = self.page(client, cursor="", page_size=2)
        assert client.delete(self.row_url(uuid.UUID(ids[1]))).status_code == 204
        second = client.get(first["next"]).json()
        assert [row["id"] for row in second["results"]] == ids[2:4]


class _Walk:
    """One walk through a list, with writes between its pages."""

    def __init__(
        self, contract: ContractBase, client: Client, body: dict[str, Any], number: int
    ) -> None:
        self.contract, self.client, self.body, self.number = contract, client, body, number
        self.may_delete = "delete" in contract.verbs()["detail"]

    def _make(self) -> str:
        self.number += 1
        distinct = self.contract.distinct(self.number)
        return str(self.contract.make(self.client, {**self.body, **distinct})["id"])

    def _disturb(self, victims: list[str]) -> None:
        if self.disturbances == DISTURBANCES:
            return
        self.disturbances += 1
        self._make()
        if self.may_delete and victims:
            url = self.contract.row_url(uuid.UUID(victims.pop()))
            assert self.client.delete(url).status_code == 204

    def _follow(self, link: str | None, direction: str, victims: list[str]) -> list[str]:
        seen: list[str] = []
        self.disturbances = 0
        while link is not None:
            page = self.client.get(link).json()
            rows = [row["id"] for row in page["results"]]
            seen += rows if direction == "next" else rows[::-1]
            assert len(seen) < 100, "the cursor does not come to an end"
            self.last_page, link = page, page[direction]
            self._disturb(victims)
        return seen

    def check(self, ordering: str) -> None:
        made = [self._make() for _ in range(10)]
        # Victims from both ends and the middle: rows seen already, and rows still to come.
        victims = made[1::3] + made[2::3]
        lasting = set(made) - set(victims)
        first = self.client.get(self.contract.row_url(uuid.UUID(made[0]))).json()
        # Leaves out the rows of earlier walks.
        query = f"&page_size={PAGE}&ordering={ordering}&created_after={first['created_at']}"
        forwards = self._follow(f"{self.contract.url}?cursor={query}", "next", victims)
        self._expect(forwards, lasting, ordering)
        end = self.last_page
        page = [row["id"] for row in end["results"]][::-1]
        backwards = page + self._follow(end["previous"], "previous", victims)
        self._expect(backwards, lasting, f"{ordering} backwards")
        kept = [each for each in backwards[::-1] if each in lasting]
        assert kept == [each for each in forwards if each in lasting], ordering

    @staticmethod
    def _expect(seen: list[str], lasting: set[str], ordering: str) -> None:
        assert len(seen) == len(set(seen)), f"{ordering}: a row came twice"
        assert lasting <= set(seen), f"{ordering}: rows were skipped"
