"""Bytes on the wire: what the server and Django do to a request before our code."""

from __future__ import annotations

import json
import socket
import uuid
from dataclasses import dataclass
from http.client import HTTPResponse
from urllib.parse import urlsplit

import pytest

from noren_kit.testing.answers import ERROR_MEMBERS
from noren_kit.testing.shops import Client, Shop

BRANDS = b"/api/v1/brands/"
# What a server may answer by itself to what is no HTTP, or past 8 KB: a bare refusal.
BARE = {400, 408, 414, 431}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def assert_refused(self, *statuses: int) -> None:
        """One of these statuses, in the envelope unless the server itself refused."""
        assert self.status in statuses, (self.status, self.body)
        if self.body or self.status not in BARE:
            body = json.loads(self.body)
            assert set(body) == ERROR_MEMBERS
            assert body["request_id"] == self.headers["x-request-id"]


@dataclass
class Wire:
    """Speaks bytes to a live server, signed in as the shop's owner."""

    host: str
    port: int
    shop: Shop
    token: bytes

    def client(self) -> Client:
        return self.shop.client()

    def send(self, raw: bytes, *, hang_up: bool = False) -> Answer:
        """Send bytes as they are, read until the server closes."""
        with socket.create_connection((self.host, self.port), timeout=30) as line:
            try:
                line.sendall(raw)
                if hang_up:
                    line.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # Refused before all was sent: the answer is there to be read.
            return self._read(line)

    @staticmethod
    def _read(line: socket.socket) -> Answer:
        response = HTTPResponse(line)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())

    def ask(self, line: bytes, *headers: bytes, body: bytes = b"") -> Answer:
        return self.send(self.head(line, *headers) + body)

    def head(self, line: bytes, *headers: bytes) -> bytes:
        fixed = [b"Host: 127.0.0.1", b"Connection: close", b"Authorization: Bearer %s" % self.token]
        return b"\r\n".join([line + b" HTTP/1.1", *fixed, *headers, b"", b""])

    def names(self) -> list[str]:
        listed = self.client().get("/api/v1/brands/").json()["results"]
        return [brand["name"] for brand in listed]


@pytest.fixture
def wire(four_processes: str, shop: Shop) -> Wire:
    address = urlsplit(four_processes)
    assert address.hostname is not None
    assert address.port is not None
    return Wire(address.hostname, address.port, shop, shop.token("owner").encode())


def chunked(body: bytes, size: int = 7) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


JSON_TYPE = b"Content-Type: application/json"
CHUNKED = b"Transfer-Encoding: chunked"
MEGABYTE = 1024 * 1024


def test_queries_are_utf8_whatever_the_body_claims(wire: Wire) -> None:
    assert wire.client().post("/api/v1/brands/", {"name": "あ"}).status_code == 201
    for charset in (b"hex", b"utf-16", b"idna", b"shift_jis", b"rot13", b"no-such", b"utf-7"):
        kind = b"Content-Type: application/json; charset=" + charset
        answer = wire.ask(b"GET " + BRANDS + b"?search=%E3%81%82", kind)
        assert answer.status == 200
        assert json.loads(answer.body)["count"] == 1, charset
        answer = wire.ask(b"POST " + BRANDS, kind, b"Content-Length: 12", body=b'{"name":"b"}')
        answer.assert_refused(415)
    assert wire.names() == ["あ"]


def test_parameters_of_a_content_type_that_are_none(wire: Wire) -> None:
    """RFC 2231, section 4: a charset that nobody knows, before any middleware runs."""
    image = b"/api/v1/products/" + str(uuid.uuid4()).encode() + b"/image/"
    for kind in (
        b"application/json; a*=foo''x",
        b"application/json; charset*=idna''x",
        b"multipart/form-data; boundary*=foo''x",
        b"multipart/form-data; boundary=x; a*=undefined''x",
    ):
        for path in (BRANDS, image):
            header = b"Content-Type: " + kind
            answer = wire.ask(b"POST " + path, header, b"Content-Length: 12", body=b'{"name":"b"}')
            answer.assert_refused(*((415,) if path == BRANDS else (404, 415)))
        assert wire.ask(b"GET " + BRANDS, b"Content-Type: " + kind).status == 200


def test_bodies_in_chunks(wire: Wire) -> None:
    """A body without a stated length is read, or refused where it is too large; never ignored."""
    post = b"POST " + BRANDS
    made = wire.ask(post, JSON_TYPE, CHUNKED, body=chunked(b'{"name":"chunks"}'))
    assert made.status == 201
    wire.ask(post, JSON_TYPE, CHUNKED, body=chunked(b"")).assert_refused(400)
    wire.ask(post, JSON_TYPE, CHUNKED, body=b"zz\r\n{}\r\n0\r\n\r\n").assert_refused(400)
    large = chunked(b'"' + b"a" * (30 * MEGABYTE) + b'"', MEGABYTE)
    wire.ask(post, JSON_TYPE, CHUNKED, body=large).assert_refused(413)
    smuggled = wire.ask(
        post, JSON_TYPE, b"Content-Length: 2", CHUNKED, body=chunked(b'{"name":"smuggled"}')
    )
    assert smuggled.status in (201, 400)
    assert set(wire.names()) <= {"chunks", "smuggled"}


def test_bodies_that_are_not_what_they_say(wire: Wire) -> None:
    post, whole = b"POST " + BRANDS, b'{"name":"short"}'
    short = wire.head(post, JSON_TYPE, b"Content-Length: 500") + whole
    wire.send(short, hang_up=True).assert_refused(400)
    for length in (b"-5", b"1e1", b"0x10", b"16, 17", b"99999999999999999999999"):
        answer = wire.ask(post, JSON_TYPE, b"Content-Length: " + length, body=whole)
        answer.assert_refused(400, 413)
    two = wire.ask(post, JSON_TYPE, b"Content-Length: 16", b"Content-Length: 3", body=whole)
    two.assert_refused(400)
    large = b"a" * (30 * MEGABYTE)
    size = b"Content-Length: %d" % len(large)
    wire.ask(post, JSON_TYPE, size, body=large).assert_refused(413)
    assert wire.names() == []


def test_heads_past_the_limit(wire: Wire) -> None:
    get = b"GET " + BRANDS
    wire.ask(get, b"X-Odd: " + b"a" * 8_192).assert_refused(431)
    wire.ask(get, b"X-Odd: " + b"a" * 1_000_000).assert_refused(431)
    wire.ask(get, *[b"X-%d: a" % at for at in range(2_000)]).assert_refused(431)
    wire.ask(get + b"?search=" + b"a" * 8_192).assert_refused(414)
    wire.ask(get + b"?search=" + b"a" * 1_000_000).assert_refused(414, 431)
    wire.ask(b"GET /" + b"a" * 70_000).assert_refused(414, 431)


def test_bytes_that_are_hardly_http(wire: Wire) -> None:
    for line in (
        b"GET /api/v1/\xff\xfe/",
        b"GET /api/v1/brands/?search=\xff",
        b"GET /api/v1/%00/",
        b"GET /api/v1/brands/?search=%ff",
        b"G\x00T /",
        b"GET  /",
        b"GET",
        b"",
        b"\x16\x03\x01\x02\x00",
    ):
        wire.ask(line).assert_refused(400)
    wire.ask(b"GET " + BRANDS, b"X-Request-ID: a\r\n b").assert_refused(400)
    wire.ask(b"GET " + BRANDS, b"X-Odd : a").assert_refused(400)
    wire.ask(b"GET " + BRANDS, b"Host: evil.example").assert_refused(400)
    wire.ask(b"OPTIONS *").assert_refused(404)
    for method in (b"TRACE", b"PROPFIND", b"OPTIONS", b"BREW"):
        wire.ask(method + b" " + BRANDS).assert_refused(405)


def test_headers_that_are_no_text(wire: Wire) -> None:
    answer = wire.ask(b"GET " + BRANDS, b"X-Odd: \xff\xfe", b"X-Request-ID: \xff")
    assert answer.status == 200
    twice = wire.ask(b"GET " + BRANDS, b"X-Request-ID: a", b"X-Request-ID: b")
    assert twice.headers["x-request-id"] not in ("a", "b", "a,b")
    wire.ask(b"GET " + BRANDS, b"Authorization: Bearer \xff").assert_refused(401)
    wire.ask(b"GET " + BRANDS, b"Accept: text/html").assert_refused(406)
