"""Production over real connections: https insisted on, headers set, proxies believed by name."""

from __future__ import annotations

import http.client
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPMessage
from urllib.parse import urlsplit

import pytest
from processes import production, run

from noren_kit.stack.ports import LOOPBACK
from noren_kit.testing.live import live_server

HOST = "api.shop.example"
Answer = tuple[int, HTTPMessage, bytes]
HTTPS = {"Host": HOST, "X-Forwarded-Proto": "https"}


@contextmanager
def served(**changes: str | None) -> Iterator[str]:
    given, before = production(**changes), dict(os.environ)
    os.environ.update(given)
    try:
        with live_server() as base_url:
            yield base_url
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    limits = "anonymous=1000000/60"  # Other tests ask from this address too.
    with served(CORS_ALLOWED_ORIGINS="https://admin.shop.example", LIMITS=limits) as base_url:
        yield base_url


def ask(base_url: str, path: str, headers: dict[str, str], method: str = "GET") -> Answer:
    connection = http.client.HTTPConnection(LOOPBACK, urlsplit(base_url).port, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def test_plain_http_is_sent_to_https(server: str) -> None:
    status, headers, _body = ask(server, "/api/v1/products/?page=2", {"Host": HOST})
    assert status == 301
    assert headers["Location"] == f"https://{HOST}/api/v1/products/?page=2"


@pytest.mark.parametrize("path", ["/health/", "/health/live/", "/health/ready/", "/metrics"])
def test_probes_are_never_sent_anywhere(server: str, path: str) -> None:
    status, headers, _body = ask(server, path, {"Host": "10.1.2.3:8000"})
    assert "Location" not in headers
    assert status in ((200,) if path != "/metrics" else (200, 401, 403, 404))


def test_an_api_answer_has_every_header(server: str) -> None:
    status, headers, _body = ask(server, "/api/v1/products/", HTTPS)
    assert status == 401
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/no/such/", "/api/v1/products/?page=%ff"])
def test_errors_outside_of_views_have_them_too(server: str, path: str) -> None:
    status, headers, _body = ask(server, path, HTTPS)
    assert status >= 400
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" in headers


def test_a_host_that_is_not_ours(server: str) -> None:
    status, _headers, body = ask(server, "/api/v1/products/", HTTPS | {"Host": "evil.example"})
    assert status == 400
    assert b'"error":true' in body


def test_a_page_elsewhere_is_answered_where_it_is_listed(server: str) -> None:
    asked = {"Access-Control-Request-Method": "GET"}
    ours = HTTPS | asked | {"Origin": "https://admin.shop.example"}
    _status, headers, _body = ask(server, "/api/v1/products/", ours, "OPTIONS")
    assert headers["Access-Control-Allow-Origin"] == "https://admin.shop.example"
    theirs = HTTPS | asked | {"Origin": "https://evil.example"}
    _status, headers, _body = ask(server, "/api/v1/products/", theirs, "OPTIONS")
    assert "Access-Control-Allow-Origin" not in headers


def test_the_documentation_loads_what_its_policy_allows(server: str) -> None:
    status, headers, page = ask(server, "/api/docs/", HTTPS)
    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert "script-src 'self';" in f"{policy};"
    text = page.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == [], "no script stands in the page"
    loaded = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert len(loaded) >= 4
    for address in loaded:
        assert address.startswith("/"), f"{address} is not of our own origin"
        assert ask(server, address.replace("&amp;", "&"), HTTPS)[0] == 200, address


def test_a_stranger_cannot_say_https() -> None:
    with served(TRUSTED_PROXIES="10.0.0.0/8") as base_url:
        status, headers, _body = ask(base_url, "/api/v1/products/", HTTPS)
        assert status == 301
        assert "Strict-Transport-Security" not in headers


def test_the_deployment_check_has_no_warning() -> None:
    django = (sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "WARNING")
    done = run(django, production())
    assert done.returncode == 0, done.stderr
    assert "WARNINGS" not in done.stderr
