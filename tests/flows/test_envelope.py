"""Every status from 400 up, whatever raised it, has exactly the one envelope."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import DatabaseError, close_old_connections, connection, connections
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.test import override_settings
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.views import APIView

from noren_kit.core.errors import Conflict, Unavailable
from noren_kit.observability import health
from noren_kit.testing.answers import assert_error
from noren_kit.testing.servers import ADMIN
from noren_kit.testing.shops import Client, Shop

PROBLEM = "application/problem+json"
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance"} | {
    "code",
    "details",
    "request_id",
}


def raising(error: Exception) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        raise error

    return view


def plain_not_allowed(request: HttpRequest) -> HttpResponse:
    return HttpResponseNotAllowed(["PURGE"], content="<h1>no</h1>")


class Raising(APIView):
    """A view of the framework with a fault in it."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    def get(self, request: Request) -> None:
        raise RuntimeError("secret of the house")


urlpatterns = [
    path("planted/fault/", raising(RuntimeError("secret of the house"))),
    path("planted/framework-fault/", Raising.as_view()),
    path("planted/missing/", raising(Http404("secret of the house"))),
    path("planted/denied/", raising(PermissionDenied("secret of the house"))),
    path("planted/suspicious/", raising(SuspiciousOperation("secret of the house"))),
    path("planted/conflict/", raising(Conflict(details={"a": 1}))),
    path("planted/busy/", raising(Unavailable(retry_after=7))),
    path("planted/database/", raising(DatabaseError("secret of the house"))),
    path("planted/html/", plain_not_allowed),
    path("", include("noren.config.urls")),
]


@pytest.fixture
def planted() -> Iterator[Client]:
    with override_settings(ROOT_URLCONF=__name__):
        yield Client()


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("/planted/fault/", 500, "server_error"),
        ("/planted/framework-fault/", 500, "server_error"),
        ("/planted/database/", 500, "server_error"),
        ("/planted/missing/", 404, "not_found"),
        ("/planted/denied/", 403, "permission_denied"),
        ("/planted/suspicious/", 400, "bad_request"),
        ("/planted/conflict/", 409, "conflict"),
        ("/planted/busy/", 503, "unavailable"),
        ("/planted/html/", 405, "method_not_allowed"),
        ("/no/such/route/", 404, "not_found"),
    ],
)
def test_errors_outside_of_the_framework(planted: Client, url: str, status: int, code: str) -> None:
    answer = planted.get(url)
    assert_error(answer, status, code)
    assert answer.headers["Content-Type"] == "application/json"
    assert b"secret" not in answer.content
    as_problem(planted.get(url, headers={"Accept": PROBLEM}), status, code)


def test_headers_of_errors_outside_of_the_framework(planted: Client) -> None:
    assert planted.get("/planted/busy/").headers["Retry-After"] == "7"
    assert planted.get("/planted/html/").headers["Allow"] == "PURGE"
    assert assert_error(planted.get("/planted/conflict/"), 409) == {"a": 1}


def as_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Assert a problem document (RFC 9457) with all that the envelope says."""
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == PROBLEM
    body: dict[str, Any] = answer.json()
    assert set(body) == PROBLEM_MEMBERS
    assert [body["status"], body["code"]] == [status, code]
    assert body["type"] == f"urn:noren:error:{code}"
    assert body["instance"] == f"urn:noren:request:{answer.headers['X-Request-ID']}"
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert body["title"]
    assert body["detail"]
    return body


# Requests of the shop's owner, by the status and the code of their answers.
Ask = tuple[str, str, dict[str, Any]]
ASKED: list[tuple[int, str, Ask]] = [
    (400, "validation_error", ("POST", "/api/v1/brands/", {})),
    (400, "parse_error", ("POST", "/api/v1/brands/", {"data": b"{", "type": "application/json"})),
    (400, "bad_request", ("GET", "/api/v1/brands/", {"QUERY_STRING": "search=%ff"})),
    (400, "bad_request", ("GET", "/api/v1/brands/", {"HTTP_HOST": "evil.example"})),
    (401, "not_authenticated", ("GET", "/api/v1/brands/", {"HTTP_AUTHORIZATION": ""})),
    (401, "authentication_failed", ("GET", "/api/v1/brands/", {"HTTP_AUTHORIZATION": "Bearer x"})),
    (403, "permission_denied", ("GET", "/api/v1/brands/", {"HTTP_X_TENANT_ID": "x"})),
    (404, "not_found", ("GET", "/api/v1/brands/x/", {})),
    (404, "not_found", ("GET", "/api/v1/brands/", {"QUERY_STRING": "page=2"})),
    (404, "not_found", ("GET", "/nowhere", {})),
    (405, "method_not_allowed", ("PUT", "/api/v1/brands/", {})),
    (405, "method_not_allowed", ("POST", "/health/", {})),
    (406, "not_acceptable", ("GET", "/api/v1/brands/", {"HTTP_ACCEPT": "text/html"})),
    (413, "body_too_large", ("POST", "/api/v1/brands/", {"CONTENT_LENGTH": "99999999"})),
    (414, "uri_too_long", ("GET", "/api/v1/brands/", {"QUERY_STRING": "x" * 9_000})),
    (415, "unsupported_media_type", ("POST", "/api/v1/brands/", {"data": b"a", "type": "a/b"})),
    (415, "unsupported_media_type", ("POST", "/api/v1/brands/", {"HTTP_CONTENT_ENCODING": "br"})),
    (431, "headers_too_large", ("GET", "/api/v1/brands/", {"HTTP_X_ODD": "x" * 9_000})),
]


def ask(client: Client, request: Ask, **more: Any) -> Any:
    method, url, given = request
    meta = {**given, **more}
    data, kind = meta.pop("data", b""), meta.pop("type", "application/json")
    return client.generic(method, url, data, content_type=kind, **meta)


@pytest.mark.parametrize(("status", "code", "request_"), ASKED)
def test_every_status(shop: Shop, status: int, code: str, request_: Ask) -> None:
    client = Client() if status == 401 else shop.client()
    answer = ask(client, request_)
    assert_error(answer, status, code)
    assert answer.headers["Content-Type"] == "application/json"
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    if status == 405:
        assert "GET" in answer.headers["Allow"]
    if status != 406:
        as_problem(ask(client, request_, HTTP_ACCEPT=PROBLEM), status, code)


@pytest.mark.parametrize(("status", "code", "request_"), ASKED)
def test_messages_speak_the_readers_language(
    shop: Shop, status: int, code: str, request_: Ask
) -> None:
    """Codes never change; messages are Japanese for `ja`, English for anything else."""
    client = Client() if status == 401 else shop.client()
    english = ask(client, request_, HTTP_ACCEPT_LANGUAGE="fr, xx;q=0.5").json()
    japanese = ask(client, request_, HTTP_ACCEPT_LANGUAGE="ja").json()
    assert english["code"] == japanese["code"] == code
    assert english["message"].isascii()
    assert not japanese["message"].isascii(), japanese["message"]


def test_conflict(shop: Shop) -> None:
    client = shop.client()
    assert client.post("/api/v1/brands/", {"name": "A"}).status_code == 201
    details = assert_error(client.post("/api/v1/brands/", {"name": "A"}), 409, "duplicate")
    assert [fault["code"] for fault in details["name"]] == ["duplicate"]
    again = client.post("/api/v1/brands/", {"name": "A"}, headers={"Accept": PROBLEM})
    assert as_problem(again, 409, "duplicate")["details"] == details


def test_success_is_plain_json_even_to_those_who_read_problems(shop: Shop) -> None:
    for url in ("/api/v1/brands/", "/api/auth/me/"):
        answer = shop.client().get(url, headers={"Accept": PROBLEM})
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/json"


def test_nested_faults_are_named_as_the_input_is_nested(shop: Shop) -> None:
    client = shop.client()
    items = [{"product_id": "x", "quantity": 1}, {}, {"product_id": "x", "quantity": 0, "b": 1}]
    answer = client.post("/api/v1/orders/", {"items": items, "nothing": 1})
    details = assert_error(answer, 400, "validation_error")
    assert set(details) == {"customer", "items", "nothing"}
    assert {at: set(faults) for at, faults in details["items"].items()} == {
        "0": {"product_id"},
        "1": {"product_id", "quantity"},
        "2": {"product_id", "quantity", "b"},
    }
    fault = details["items"]["2"]["b"][0]
    assert fault["code"] == "unknown_field"
    assert set(fault) == {"code", "message"}


def cut_off(shop: Shop) -> Client:
    """A client whose database takes nobody any more."""
    client = shop.client()
    connections.close_all()
    for alias in ("default", "platform", "relay"):
        connections[alias].settings_dict["PORT"] = "1"
    health.checks().forget()
    return client


@pytest.fixture
def reachable() -> Iterator[None]:
    before = {alias: connections[alias].settings_dict["PORT"] for alias in connections}
    yield
    connections.close_all()
    for alias, port in before.items():
        connections[alias].settings_dict["PORT"] = port
    health.checks().forget()


@pytest.mark.usefixtures("reachable")
@pytest.mark.parametrize("url", ["/api/v1/brands/", "/api/auth/me/", "/health/", "/health/ready/"])
def test_database_away(shop: Shop, url: str) -> None:
    client = cut_off(shop)
    answer = client.get(url)
    assert_error(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "5"
    as_problem(client.get(url, headers={"Accept": PROBLEM}), 503, "unavailable")


@pytest.mark.usefixtures("reachable")
def test_database_away_at_sign_in(shop: Shop) -> None:
    client = cut_off(shop)
    answer = client.post("/api/auth/token/", {"username": "a", "password": "b"})
    assert_error(answer, 503, "unavailable")
    assert client.get("/health/live/").json() == {"status": "ok"}


def test_health_says_what_failed(shop: Shop, reachable: None) -> None:
    details = assert_error(cut_off(shop).get("/health/"), 503, "unavailable")
    assert details["status"] == "failed"
    assert details["checks"]["database"] == "failed"
    assert details["checks"]["cache"] == "ok"


def test_connection_cut_between_requests(shop: Shop, owner: Any) -> None:
    """A kept connection that died is replaced before the next request; nobody sees it."""
    client = shop.client()
    assert client.get("/api/v1/brands/").status_code == 200
    end_backends(owner.connection)
    close_old_connections()  # As every request begins, but for those of the test client.
    assert client.get("/api/v1/brands/").status_code == 200


def test_connection_cut_in_the_middle(shop: Shop, owner: Any) -> None:
    """A write that is cut without a chance to notice is 503, and the next request is served."""
    client = shop.client()
    assert client.get("/api/v1/brands/").status_code == 200
    end_backends(owner.connection)
    assert_error(client.post("/api/v1/brands/", {"name": "Acme"}), 503, "unavailable")
    close_old_connections()
    assert client.get("/api/v1/brands/").status_code == 200


def end_backends(superior: psycopg.Connection[Any]) -> None:
    with psycopg.connect(os.environ[ADMIN], autocommit=True) as admin:
        database = superior.info.dbname
        ended = admin.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = %s AND usename = 'noren_app'",
            [database],
        ).fetchone()
    assert ended is not None
    assert ended[0] >= 1


def test_lock_that_is_not_given(shop: Shop, owner: Any) -> None:
    """A row that somebody else holds is waited for no longer than `lock_timeout`."""
    client = shop.client()
    brand = client.post("/api/v1/brands/", {"name": "Held"}).json()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with psycopg.connect(owner.connection.info.dsn, password=password(), autocommit=False) as c:
            c.execute("SELECT set_config('app.tenant_id', %s, true)", [str(shop.tenant.id)])
            c.execute("SELECT 1 FROM catalog_brand WHERE id = %s FOR UPDATE", [brand["id"]])
            held.set()
            done.wait(30)

    def password() -> str:
        return str(owner.connection.info.password)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        answer = client.patch(f"/api/v1/brands/{brand['id']}/", {"name": "Taken"})
        assert_error(answer, 503, "unavailable")
        assert answer.headers["Retry-After"] == "1"
    finally:
        done.set()
        holder.join()
        connections.close_all()
    assert client.get(f"/api/v1/brands/{brand['id']}/").json()["name"] == "Held"
