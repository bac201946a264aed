"""What a limit is, by class, tenant and settings, and what a caller is told of it."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import include, path

from noren_kit.core import context
from noren_kit.core.context import Actor
from noren_kit.limits.counting import counter
from noren_kit.limits.policies import caller_limit, failures_key, limit_named, parse_limits
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import PASSWORD, Client, Shop

TAGS, TOKEN, REFRESH = "/api/v1/tags/", "/api/auth/token/", "/api/auth/token/refresh/"


def fresh_address() -> str:
    """An address that nobody has counted yet (RFC 3849), in a network of its own."""
    return f"2001:db8:{uuid.uuid4().hex[:4]}:{uuid.uuid4().hex[:4]}::1"


@pytest.fixture
def address() -> str:
    return fresh_address()


def limits(**stated: tuple[int, int]) -> Any:
    return override_settings(NOREN_KIT={**settings.NOREN_KIT, "LIMITS": stated})


def told(response: Any) -> tuple[str, int, int, int, int]:
    """Class, limit, window, what remains and when it is full again, from the headers."""
    policy = re.fullmatch(r'"(\w+)";q=(\d+);w=(\d+)', response.headers["RateLimit-Policy"])
    standing = re.fullmatch(r'"(\w+)";r=(\d+);t=(\d+)', response.headers["RateLimit"])
    assert policy is not None
    assert standing is not None
    assert policy[1] == standing[1]
    return policy[1], int(policy[2]), int(policy[3]), int(standing[2]), int(standing[3])


class TestHeaders:
    def test_they_go_down_to_the_refusal_and_start_afresh(self, shop: Shop) -> None:
        client = shop.client()
        with limits(credential=(3, 2)):
            answers = [client.get(TAGS) for _ in range(4)]
            assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
            assert [told(answer)[:4] for answer in answers] == [
                ("credential", 3, 2, left) for left in (2, 1, 0, 0)
            ]
            assert all(1 <= told(answer)[4] <= 2 for answer in answers)
            wait = int(answers[-1].headers["Retry-After"])
            details = assert_error(answers[-1], 429, "throttled")
            assert details == {"limit": 3, "window_seconds": 2, "retry_after": wait}
            time.sleep(wait)
            assert told(client.get(TAGS))[3] == 2

    def test_a_refused_request_as_a_problem(self, shop: Shop) -> None:
        client = shop.client()
        with limits(credential=(1, 600)):
            client.get(TAGS)
            answer = client.get(TAGS, headers={"Accept": "application/problem+json"})
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert [answer.status_code, answer.json()["code"]] == [429, "throttled"]
        assert answer.headers["Retry-After"]

    def test_every_request_counts_once_whatever_its_answer(self, shop: Shop) -> None:
        owner, viewer = shop.client(), shop.client("viewer")
        with limits(credential=(100, 600)):
            asked = [
                owner.get(TAGS),
                owner.post(TAGS, {"name": "a"}),
                owner.post(TAGS, {}),
                owner.post(TAGS, b"{", content_type="application/json"),
                owner.get(f"{TAGS}{uuid.uuid4()}/"),
                owner.get(TAGS, {"unknown": "1"}),
                owner.put(TAGS, {}),
                owner.get("/api/auth/me/"),
                owner.get(TAGS, HTTP_X_TENANT_ID=str(uuid.uuid4())),
            ]
            statuses = [200, 201, 400, 400, 404, 400, 405, 200, 403]
            assert [answer.status_code for answer in asked] == statuses
            assert [told(answer)[3] for answer in asked] == list(range(99, 90, -1))
            refused = [viewer.post(TAGS, {"name": "b"}) for _ in range(2)]
            assert [(answer.status_code, told(answer)[3]) for answer in refused] == [
                (403, 99),
                (403, 98),
            ]

    def test_those_who_are_not_signed_in_count_by_address(self, address: str) -> None:
        client = Client(REMOTE_ADDR=address)
        with limits(anonymous=(100, 600)):
            asked = [
                client.get(TAGS),
                client.get(TAGS, HTTP_AUTHORIZATION="Bearer x"),
                client.get(TAGS, HTTP_AUTHORIZATION="Basic x"),
                client.get(TAGS, HTTP_X_TENANT_ID="x"),
                client.get("/api/nowhere/"),
                client.get("/api/schema/"),
                client.get("/api/docs/"),
                client.get(TAGS, HTTP_ACCEPT="text/html"),
                client.get(TAGS, QUERY_STRING="search=%ff"),
                client.get(TAGS, HTTP_HOST="evil.example"),
                client.post(TAGS, b"", content_type="application/json", CONTENT_LENGTH="999999999"),
            ]
        statuses = [401, 401, 401, 403, 404, 200, 200, 406, 400, 400, 413]
        assert [answer.status_code for answer in asked] == statuses
        assert {told(answer)[:3] for answer in asked} == {("anonymous", 100, 600)}
        assert [told(answer)[3] for answer in asked] == list(range(99, 88, -1))

    def test_over_the_limit_nothing_else_is_answered(self, address: str) -> None:
        client = Client(REMOTE_ADDR=address)
        with limits(anonymous=(1, 600)):
            assert_error(client.get(TAGS), 401)
            for url in (TAGS, "/api/nowhere/", "/api/schema/", "/api/docs/"):
                assert_error(client.get(url), 429, "throttled")
                assert_error(client.get(url, HTTP_AUTHORIZATION="Bearer x"), 429, "throttled")
            assert client.get("/health/live/").status_code == 200

    def test_probes_and_preflights_are_not_counted(self, address: str) -> None:
        client = Client(REMOTE_ADDR=address)
        for url in ("/health/", "/health/live/", "/health/ready/"):
            assert "RateLimit" not in client.get(url).headers
        client.options(TAGS, HTTP_ACCESS_CONTROL_REQUEST_METHOD="GET", HTTP_ORIGIN="https://a.b")
        with limits(anonymous=(100, 600)):
            assert told(client.get(TAGS))[3] == 99


def plain(request: Any) -> HttpResponse:
    return HttpResponse("<h1>no</h1>", status=405)


def failing(request: Any) -> HttpResponse:
    raise RuntimeError("secret of the house")


urlpatterns = [
    path("api/planted/html/", plain),
    path("api/planted/fault/", failing),
    path("", include("noren.config.urls")),
]


@pytest.fixture
def planted(address: str) -> Iterator[Client]:
    with override_settings(ROOT_URLCONF=__name__):
        yield Client(REMOTE_ADDR=address)


def test_answers_that_no_view_of_ours_made(planted: Client) -> None:
    with limits(anonymous=(2, 600)):
        html, fault = planted.get("/api/planted/html/"), planted.get("/api/planted/fault/")
        assert [html.status_code, told(html)[3]] == [405, 1]
        assert [fault.status_code, told(fault)[3]] == [500, 0]
        assert_error(planted.get("/api/planted/html/"), 429, "throttled")
        # A fault stays a fault: its caller is not told to wait for the window's end.
        assert_error(planted.get("/api/planted/fault/"), 500)


class TestClasses:
    def test_signing_in(self, shop: Shop, address: str) -> None:
        client = Client(REMOTE_ADDR=address)
        body = {"username": shop.users["owner"].username, "password": PASSWORD}
        with limits(sign_in=(2, 600), anonymous=(1, 600)):
            answers = [client.post(TOKEN, body), client.post(TOKEN, {}), client.post(TOKEN, body)]
            assert [answer.status_code for answer in answers] == [200, 400, 429]
            assert {told(answer)[0] for answer in answers} == {"sign_in"}
            elsewhere = Client(REMOTE_ADDR=fresh_address())
            assert elsewhere.post(TOKEN, body).status_code == 200
            # What one does signed in is another matter.
            assert shop.client().get(TAGS).status_code == 200

    def test_refreshing_counts_by_session(self, shop: Shop, address: str) -> None:
        client = Client(REMOTE_ADDR=address)
        pairs = [
            client.post(
                TOKEN, {"username": shop.users[role].username, "password": PASSWORD}
            ).json()["refresh"]
            for role in ("owner", "staff")
        ]
        client.cookies.clear()
        with limits(refresh=(2, 600)):
            for token in pairs:
                sent = [client.post(REFRESH, {"refresh": token}) for _ in range(3)]
                client.cookies.clear()
                assert [answer.status_code for answer in sent] == [200, 200, 429]
            junk = [
                client.post(REFRESH, {"refresh": "x"}),
                client.post(REFRESH, b"{", content_type="application/json"),
                client.post(REFRESH, {}),
                client.post(REFRESH, [1]),
            ]
            assert [answer.status_code for answer in junk] == [401, 400, 429, 429]
            assert {told(answer)[0] for answer in junk} == {"refresh"}

    def test_a_tenants_plan(self, shop: Shop) -> None:
        request = RequestFactory().get("/")
        with shop.entered(), limits(credential=(1_000, 60)):
            key, limit = caller_limit(request)
            assert (limit.requests, limit.seconds) == (1_000, 60)
            for planned in (0, 7, 50_000):
                plan = replace(context.tenant(), requests_per_hour=planned)
                with context.acting(plan, context.actor()):
                    planned_key, limit = caller_limit(request)
                    assert (limit.requests, limit.seconds) == (planned, 3600)
                    assert planned_key == key

    def test_callers_are_told_apart(self, shop: Shop, neighbour: Shop, address: str) -> None:
        request = RequestFactory().get("/", REMOTE_ADDR=address)
        user = uuid.uuid4()
        person = Actor(user, "A", "a@a.example", credential_id=uuid.uuid4())
        again = replace(person, credential_id=uuid.uuid4())
        keys = [replace(again, scopes=frozenset(), credential_id=uuid.uuid4()) for _ in range(2)]
        found = []
        for tenant in (shop, neighbour):
            with tenant.entered():
                info = context.tenant()
            for actor in (person, *keys):
                with context.acting(info, actor):
                    found.append(caller_limit(request)[0])
        with context.acting(None, person):
            found.append(caller_limit(request)[0])
        with context.acting(None, None):
            found.append(caller_limit(request)[0])
        assert len(set(found)) == len(found) == 8
        with shop.entered():
            info = context.tenant()
        with context.acting(info, again):
            assert caller_limit(request)[0] == found[0]

    def test_failed_sign_ins_lock_an_account_for_an_address(self, address: str) -> None:
        here = RequestFactory().get("/", REMOTE_ADDR=address)
        there = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1")
        key = failures_key("owner@hanabi.example", here)
        assert "hanabi" not in key
        others = {failures_key("staff@hanabi.example", here), failures_key("\ud800", here)}
        assert key not in others | {failures_key("owner@hanabi.example", there)}
        limit = limit_named("sign_in_failures")
        try:
            assert [counter().count(key, limit).used for _ in range(3)] == [1, 2, 3]
        finally:
            counter().forget(key)
        assert counter().read(key, limit).used == 0


class TestSettings:
    def test_the_text_form(self) -> None:
        assert parse_limits("") == {}
        assert parse_limits(" anonymous=1/2 ,sign_in_failures=999999999/9999999, ") == {
            "anonymous": (1, 2),
            "sign_in_failures": (999_999_999, 9_999_999),
        }

    @pytest.mark.parametrize(
        "item",
        [
            "anonymous",
            "anonymous=",
            "anonymous=10",
            "anonymous=0/60",
            "anonymous=10/0",
            "anonymous=-1/60",
            "anonymous=1.5/60",
            "anonymous=10/hour",
            "anonymous=１/60",
            "anonymous=1/99999999999999",
            "anonymus=10/60",
            "=1/1",
            "sign_in=9/9",
        ],
    )
    def test_a_bad_item_is_named(self, item: str) -> None:
        with pytest.raises(ImproperlyConfigured) as caught:
            parse_limits(f"sign_in=1/60,{item},refresh=1/60")
        assert repr(item) in str(caught.value)

    @pytest.mark.parametrize(
        ("variable", "value", "named"),
        [
            ("LIMITS", "anonymous=lots", "anonymous=lots"),
            ("TRUSTED_PROXIES", "proxy.example", "proxy.example"),
            ("LIMITS_REDIS_URL", "http://127.0.0.1", "redis://"),
        ],
    )
    def test_the_server_does_not_start_with_bad_ones(
        self, variable: str, value: str, named: str
    ) -> None:
        started = subprocess.run(
            [sys.executable, "-c", "import noren.config.wsgi"],
            env=os.environ | {variable: value},
            capture_output=True,
            text=True,
            check=False,
        )
        assert started.returncode != 0
        assert named in started.stderr

    def test_what_is_not_stated_has_its_default(self) -> None:
        with limits(anonymous=(1, 2)):
            assert limit_named("anonymous").requests == 1
            found = limit_named("credential")
        assert (found.name, found.requests, found.seconds) == ("credential", 1_000, 3600)

    def test_settings_of_the_environments(self) -> None:
        shown = (
            "import django; django.setup();"
            "from noren_kit.limits.policies import limit_named as limit;"
            "print(*[f'{limit(n).requests}/{limit(n).seconds}' for n in ('anonymous', 'refresh')])"
        )
        for module, stated, expected in (
            ("production", "", "100/3600 60/3600"),
            ("production", "refresh=5/60", "100/3600 5/60"),
            ("local", "", "10000/60 10000/60"),
            ("local", "refresh=5/60", "10000/60 5/60"),
            ("test", "", "1000000/60 1000000/60"),
            ("test", "refresh=5/60", "100/3600 5/60"),
        ):
            environment = {
                "DJANGO_SETTINGS_MODULE": f"noren.config.settings.{module}",
                "LIMITS": stated,
                "ALLOWED_HOSTS": "127.0.0.1",
                "SECRET_KEY": secrets.token_urlsafe(50),
            }
            printed = subprocess.check_output(
                [sys.executable, "-c", shown], env=os.environ | environment, text=True
            )
            assert printed.strip() == expected, (module, stated)


def test_the_tenants_plan_is_the_limit_of_its_credentials(shop: Shop, neighbour: Shop) -> None:
    Tenant.objects.using("platform").filter(id=shop.tenant.id).update(requests_per_hour=2)
    client, other = shop.client(), neighbour.client()
    assert [client.get(TAGS).status_code for _ in range(3)] == [200, 200, 429]
    assert shop.client("staff").get(TAGS).status_code == 200, "another credential"
    assert [other.get(TAGS).status_code for _ in range(3)] == [200] * 3
    assert told(client.get(TAGS))[:3] == ("credential", 2, 3600)
