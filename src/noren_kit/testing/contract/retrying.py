# ruff: noqa: S101
"""Calls that are sent again: one effect and one answer for each `Idempotency-Key`."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from noren_kit.accounts.models import Membership, MembershipRole, Role
from noren_kit.accounts.permissions import PlatformStaff
from noren_kit.testing.answers import assert_error
from noren_kit.testing.contract.base import ContractBase
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop

_keys = itertools.count(1)
_KEPT_HEADERS = ("Content-Type", "ETag", "Location", "Vary", "Content-Language")


def _with(key: str) -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": key}}


class RetryContract(ContractBase):
    """Asked of every resource that something can be written to."""

    @pytest.fixture
    def key(self) -> str:
        return f"key {next(_keys)}"

    @property
    def takes_keys(self) -> bool:
        """Whether there is a call to send again, and a tenant to keep its answer."""
        writes = self.verbs()["list"] | self.verbs()["detail"]
        return writes != {"get"} and PlatformStaff not in self.view.permission_classes

    def _again(self, first: Any, second: Any) -> None:
        """Assert that `second` repeats `first`, or says that it showed a secret."""
        __tracebackhide__ = True
        if "no-store" in first.headers.get("Cache-Control", ""):
            assert_error(second, 409, "idempotency_not_kept")
            return
        assert second.status_code == first.status_code
        assert second.content == first.content
        assert second.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers
        for name in _KEPT_HEADERS:
            assert second.headers.get(name) == first.headers.get(name), name

    def test_a_call_sent_again_makes_one_row(
        self, client: Client, body: dict[str, Any], key: str
    ) -> None:
        if not self.takes_keys:
            return
        first = client.post(self.url, body, **_with(key))
        assert first.status_code == 201, first.json()
        for again in (body, dict(reversed(body.items()))):
            with recorded_statements() as statements:
                second = client.post(self.url, again, **_with(key))
            self._again(first, second)
            assert len(statements) <= 4, statements
        assert self.ids(client) == [first.json()["id"]]

    def test_a_key_costs_two_statements(
        self, client: Client, body: dict[str, Any], key: str
    ) -> None:
        if not self.takes_keys:
            return
        counts = []
        for number, options in enumerate(({}, {}, _with(key))):
            with recorded_statements() as statements:
                made = client.post(self.url, {**body, **self.distinct(number)}, **options)
            if number and made.status_code == 409:
                return  # There can be one only.
            assert made.status_code == 201, made.json()
            counts.append(len(statements))
        assert counts[2] - counts[1] <= 2

    def test_a_key_is_of_one_body(self, client: Client, body: dict[str, Any], key: str) -> None:
        """Looked at before the body is judged."""
        if not self.takes_keys:
            return
        assert client.post(self.url, body, **_with(key)).status_code == 201
        for other in ({**body, **self.distinct(1), "colour": "red"}, {}, [body]):
            response = client.post(self.url, other, **_with(key))
            assert_error(response, 422, "idempotency_mismatch")
        sent: dict[str, Any] = {"content_type": "application/json", **_with(key)}
        malformed = client.generic("POST", self.url, "{", **sent)
        assert_error(malformed, 422, "idempotency_mismatch")
        assert len(self.ids(client)) == 1

    def test_a_refusal_is_not_kept(self, client: Client, body: dict[str, Any], key: str) -> None:
        if not self.takes_keys:
            return
        self.refused(client.post(self.url, {**body, "colour": "red"}, **_with(key)), "colour")
        made = client.post(self.url, body, **_with(key))
        assert made.status_code == 201, made.json()
        assert "Idempotent-Replayed" not in made.headers

    def test_a_key_is_of_one_caller_and_call(
        self, client: Client, shop: Shop, body: dict[str, Any], key: str
    ) -> None:
        if not self.takes_keys:
            return
        made = client.post(self.url, body, **_with(key))
        assert made.status_code == 201, made.json()
        another = shop.client("owner")  # Signed in once more.
        response = another.post(self.url, {**body, "colour": "red"}, **_with(key))
        self.refused(response, "colour")
        if "patch" in self.verbs()["detail"]:
            url = self.row_url(made.json())
            changed = client.patch(url, self.update, **_with(key))
            assert changed.status_code == 200, changed.json()
            self._again(changed, client.patch(url, self.update, **_with(key)))

    def test_rights_are_asked_again(
        self, client: Client, shop: Shop, body: dict[str, Any], key: str
    ) -> None:
        if not self.takes_keys:
            return
        assert client.post(self.url, body, **_with(key)).status_code == 201
        with shop.entered():
            membership = Membership.objects.get(user=shop.users["owner"])
            viewer = Role.objects.get(slug="viewer")
            MembershipRole.objects.filter(membership=membership).update(role=viewer)
        assert_error(client.post(self.url, body, **_with(key)), 403, "permission_denied")

    def test_what_is_no_key_is_refused(self, client: Client, body: dict[str, Any]) -> None:
        if "post" not in self.verbs()["list"]:
            return
        before = self.ids(client)
        for wrong in ("", "k" * 256, "clé", "a\tb", "\x7f"):
            response = client.post(self.url, body, **_with(wrong))
            self.refused(response, "Idempotency-Key")
        assert self.ids(client) == before
