"""The short way to a kept answer owes what the long way does: one server, asked over the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from noren.catalog.models import Tag
from noren_kit.accounts.models import Membership
from noren_kit.testing.live import live_server
from noren_kit.testing.shops import Shop, make_shop

OWN = {"date", "x-request-id", "ratelimit", "cache-status"}


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with live_server() as base:
        yield base


@pytest.fixture
def shop() -> Shop:
    made = make_shop()
    with made.entered():
        Tag.objects.create(name="green")
    return made


class Asking:
    """A caller of the server; the long way is that of a request with a cookie."""

    def __init__(self, base: str, shop: Shop, role: str = "staff") -> None:
        self.url, self.session = f"{base}/api/v1/tags/", requests.Session()
        self.session.headers["Authorization"] = f"Bearer {shop.token(role)}"

    def get(self, query: str = "", **headers: str) -> requests.Response:
        return self.session.get(self.url + query, headers=headers, timeout=10)

    def long(self, query: str = "", **headers: str) -> requests.Response:
        return self.get(query, **{"Cookie": "some=thing", **headers})

    def warm(self, query: str = "") -> requests.Response:
        """The answer of the short way, which the third request takes surely."""
        for _number in range(2):
            self.get(query)
        return self.get(query)


def rest(response: requests.Response) -> dict[str, str]:
    return {k.lower(): v for k, v in response.headers.items() if k.lower() not in OWN}


@pytest.fixture
def asking(served: str, shop: Shop) -> Asking:
    return Asking(served, shop)


def test_both_ways_give_the_same(asking: Asking) -> None:
    short, long = asking.warm(), asking.long()
    assert short.headers["Cache-Status"] == "noren; hit"
    assert (short.status_code, short.content, rest(short)) == (200, long.content, rest(long))
    assert short.headers["X-Request-ID"] != long.headers["X-Request-ID"]


def test_what_a_client_has_is_not_sent(asking: Asking) -> None:
    tag = asking.warm().headers["ETag"]
    short, long = asking.get(**{"If-None-Match": tag}), asking.long(**{"If-None-Match": tag})
    assert (short.status_code, long.status_code) == (304, 304)
    # Django counts the body that is not there.
    assert rest(long).pop("content-length") == "0"
    assert (short.content, {**rest(short), "content-length": "0"}) == (b"", rest(long))


def test_a_request_keeps_its_id(asking: Asking) -> None:
    asking.warm()
    assert asking.get(**{"X-Request-ID": "mine"}).headers["X-Request-ID"] == "mine"


def test_each_is_counted(asking: Asking) -> None:
    left = [int(asking.get().headers["RateLimit"].split("r=")[1].split(";")[0]) for _ in range(5)]
    assert left == list(range(left[0], left[0] - 5, -1))


def test_a_write_is_seen_at_once(asking: Asking) -> None:
    asking.warm()
    for number in range(5):
        made = asking.session.post(asking.url, json={"name": f"tag {number}"}, timeout=10)
        assert made.status_code == 201
        assert asking.get().json()["count"] == number + 2


def test_rights_end_at_once(asking: Asking, shop: Shop) -> None:
    asking.warm()
    with shop.entered():
        Membership.objects.filter(user=shop.users["staff"]).touch(deleted_at="2026-01-01T00:00Z")
    assert asking.get().status_code == 401


def test_nobody_gets_anothers(served: str, asking: Asking) -> None:
    other = make_shop()
    mine = asking.warm()
    theirs = Asking(served, other).get()
    assert (mine.json()["count"], theirs.json()["count"]) == (1, 0)
    assert theirs.headers["ETag"] != mine.headers["ETag"]


def test_who_lacks_the_right_is_refused(served: str, asking: Asking, shop: Shop) -> None:
    asking.warm()
    shop.hire("nothing", [])
    assert Asking(served, shop, "nothing").get().status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "text/html"},
        {"X-Tenant-ID": "00000000-0000-0000-0000-000000000001"},
        {"Content-Encoding": "gzip"},
        {"X-Filler": "x" * 9_000},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": ""},
    ],
)
def test_what_is_refused_is_refused(asking: Asking, headers: dict[str, str]) -> None:
    asking.warm()
    short, long = asking.get(**headers), asking.long(**headers)
    assert short.status_code == long.status_code >= 400
    assert short.json()["code"] == long.json()["code"]


def test_languages_and_origins_are_as_the_long_way_has_them(asking: Asking) -> None:
    asking.warm()
    for headers in ({"Accept-Language": "ja"}, {"Origin": "https://elsewhere.example"}):
        for _number in range(3):
            short = asking.get(**headers)
        assert rest(short) == rest(asking.long(**headers))


def test_unknown_parameters_stay_unknown(asking: Asking) -> None:
    asking.warm()
    for _number in range(3):
        assert asking.get("?nothing=1").status_code == 400


def test_over_the_limit(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMITS", "credential=5/60")
    with live_server() as base:
        asking = Asking(base, shop)
        answers = [asking.get() for _number in range(8)]
    assert [each.status_code for each in answers] == [200] * 5 + [429] * 3
    refused: dict[str, Any] = json.loads(answers[-1].content)
    assert refused["code"] == "throttled"
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert "r=0;" in answers[-1].headers["RateLimit"]
