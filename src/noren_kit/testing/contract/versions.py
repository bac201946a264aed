# ruff: noqa: S101
"""Versions: an `ETag` on every detail, and changes that say which version they are made of."""

from __future__ import annotations

import re
from typing import Any

from noren_kit.api.versions import has_versions
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import assert_error
from noren_kit.testing.contract.base import ContractBase
from noren_kit.testing.shops import Client, Shop

_TAG = re.compile(r'"([1-9][0-9]*)-[0-9a-f]{32}"')


def version_of(response: Any) -> int:
    """The version in an answer's `ETag`."""
    __tracebackhide__ = True
    found = _TAG.fullmatch(response.headers.get("ETag", ""))
    assert found, response.headers
    return int(found[1])


def _having(tag: str) -> dict[str, Any]:
    return {"headers": {"If-Match": tag}}


class VersionContract(ContractBase):
    """Asked of every resource whose rows have versions."""

    def _changes(self, body: dict[str, Any]) -> list[tuple[str, Any]]:
        """The verbs that change a row, with bodies that would be taken."""
        whole = {k: v for k, v in body.items() if k not in getattr(self, "create_only", ())}
        bodies = {"put": {**whole, **self.update}, "patch": self.update, "delete": None}
        offered = self.verbs()["detail"] if has_versions(self.view) else set()
        return [(verb, sent) for verb, sent in bodies.items() if verb in offered]

    def test_a_detail_has_its_version(self, client: Client, body: dict[str, Any]) -> None:
        if not has_versions(self.view) or "post" not in self.verbs()["list"]:
            return
        response = client.post(self.url, body)
        url = self.row_url(response.json())
        shown = [client.get(url) for _number in range(2)]
        assert {version_of(each) for each in (response, *shown)} == {1}
        tag = shown[0].headers["ETag"]
        assert shown[1].headers["ETag"] == tag
        for offered in (tag, f"W/{tag}", f'"other", {tag}'):
            known = client.get(url, headers={"If-None-Match": offered})
            assert (known.status_code, known.headers["ETag"]) == (304, tag)
        other = client.get(url, headers={"If-None-Match": '"1-0123456789abcdef0123456789abcdef"'})
        assert other.status_code == 200
        named = client.get(f"{url}?fields=version").json()
        assert named == {"version": 1}

    def test_an_action_that_answers_with_the_row_has_its_version(
        self, client: Client, body: dict[str, Any]
    ) -> None:
        """Asked of the actions without a body, as far as the row's state allows them."""
        named = {each.__name__: each for each in self.view.get_extra_actions()}
        actions = [named[name].url_path for name in self.view.bodiless_actions if name in named]
        if not actions or not has_versions(self.view) or "post" not in self.verbs()["list"]:
            return
        url, answered = self.row_url(self.make(client, body)), 0
        for action in actions:
            answer = client.post(f"{url}{action}/")
            shown = client.get(url)
            if answer.status_code == 409 or answer.json().get("id") != shown.json()["id"]:
                continue
            answered += 1
            assert answer.json() == shown.json()
            assert version_of(answer) == version_of(shown)
        assert answered

    def test_a_stale_change_is_refused(self, client: Client, body: dict[str, Any]) -> None:
        changes = self._changes(body)
        if not changes:
            return
        url = self.row_url(self.make(client, body))
        stale = ['"other"', '"1000-0"']
        if self.update and "patch" in dict(changes):
            stale.append(client.get(url).headers["ETag"])
            assert version_of(client.patch(url, self.update)) > 1
        for verb, sent in changes:
            now = client.get(url)
            for tag in (*stale, f"W/{now.headers['ETag']}"):
                refused = getattr(client, verb)(url, sent, **_having(tag))
                assert_error(refused, 412, "precondition_failed")
                assert refused.headers["ETag"] == now.headers["ETag"]
            assert client.get(url).content == now.content
            fresh = f'"other", {now.headers["ETag"]}'
            changed = getattr(client, verb)(url, sent, **_having(fresh))
            assert changed.status_code in (200, 204), changed.content
            if verb == "delete":
                continue
            assert version_of(changed) == version_of(client.get(url))
            for tag in (changed.headers["ETag"], "*"):
                assert getattr(client, verb)(url, sent, **_having(tag)).status_code == 200

    def test_what_is_no_tag_is_refused(self, client: Client, body: dict[str, Any]) -> None:
        changes = self._changes(body)
        if not changes:
            return
        made = self.make(client, body)
        url = self.row_url(made)
        before = client.get(url).content
        for verb, sent in changes:
            for wrong in ("", "1", '"1', '1"', '"1" "2"', "*, *", '"1", *', 'w/"1"', '"a b"'):
                self.refused(getattr(client, verb)(url, sent, **_having(wrong)), "If-Match")
        assert client.get(url).content == before

    def test_a_version_where_none_is_looked_at_is_refused(
        self, client: Client, body: dict[str, Any]
    ) -> None:
        if "post" in self.verbs()["list"]:
            response = client.post(self.url, body, **_having('"1"'))
            self.refused(response, "If-Match", "not_offered")

    def test_a_tenant_may_ask_for_it(
        self, client: Client, shop: Shop, body: dict[str, Any]
    ) -> None:
        changes = self._changes(body)
        if not changes:
            return
        made = self.make(client, body)
        url = self.row_url(made)
        Tenant.objects.using("platform").filter(id=shop.tenant.id).update(require_if_match=True)
        for verb, sent in changes:
            refused = getattr(client, verb)(url, sent)
            assert_error(refused, 428, "precondition_required")
        tag = client.get(url).headers["ETag"]
        for verb, sent in changes:
            answer = getattr(client, verb)(url, sent, **_having(tag))
            assert answer.status_code in (200, 204), answer.content
            tag = answer.headers.get("ETag", tag)
