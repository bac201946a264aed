"""Hostile methods, paths, headers and credentials on every route."""

from __future__ import annotations

import base64
import datetime as dt
import json
import uuid
from typing import Any

import jwt
from hostile import Operation, World, api_operations, operations, share

from noren_kit.accounts import tokens
from noren_kit.accounts.keys import ALGORITHM, signing_key
from noren_kit.testing.shops import Client, make_shop, make_superuser

UNKNOWN_ID = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
ODD_METHODS = ["TRACE", "PROPFIND", "CONNECT", "MKCOL", "LINK", "X-ANY", "BREW"]
NOT_IDS = [
    "x",
    "0",
    "-1",
    str(2**31),
    str(2**63),
    "9" * 5_000,
    "null",
    "undefined",
    "bulky",
    "NaN",
    "..",
    "%2e%2e",
    "..%2f..%2fetc",
    "a%20b",
    "%C2%A0",
    "%e3%81%82",
    "%ff%fe",
    "%ed%a0%80",
    "*",
    "'",
    "(",
    "{0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b}",
    "urn:uuid:0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
    "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b",
    "0190a1b2_c3d4_7e5f_8a9b_0c1d2e3f4a5b",
    "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b%0a",
    "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b ",
    "٠١٩٠a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
    str(uuid.UUID(int=0)),
    str(uuid.UUID(int=2**128 - 1)),
]


def details() -> list[Operation]:
    found = [each for each in api_operations() if each.is_detail]
    assert len(found) >= 20
    return found


def routes() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for operation in operations():
        found.setdefault(operation.template, set()).add(operation.method)
    return found


def guarded() -> list[Operation]:
    found = [each for each in api_operations() if each.needs_sign_in]
    assert len(found) > 35
    return found


def test_methods_that_are_not_offered(world: World) -> None:
    by_route = {each.template: each for each in operations()}
    for template, offered in routes().items():
        for method in [*METHODS, *ODD_METHODS, "OPTIONS"]:
            if method in offered:
                continue
            operation = by_route[template]
            response = world.send(operation, method, 405, method=method)
            allowed = set(response.headers.get("Allow", "").replace(" ", "").split(","))
            if not offered <= allowed or allowed - offered - {"HEAD", "OPTIONS"}:
                world.faults.append(f"{method} {template}: Allow is {allowed}, not {offered}")
    world.assert_unharmed(at_least=200)


def test_head_is_get_without_a_body(world: World) -> None:
    for operation in operations():
        if operation.method == "GET":
            accept = "text/html" if operation.template == "/api/docs/" else "*/*"
            if operation.template == "/metrics":
                continue  # There is none without a token.
            response = world.send(operation, "HEAD", 200, method="HEAD", HTTP_ACCEPT=accept)
            assert not b"".join(response), operation
    world.assert_unharmed(at_least=20)


def test_ids_that_name_nothing(world: World) -> None:
    for at, operation in enumerate(details()):
        for wrong in [UNKNOWN_ID, *share(NOT_IDS, at, 2)]:
            path = world.path(operation, wrong)
            world.send(operation, wrong[:60], 404, path=path)
        world.send(operation, "NUL", 400, path=world.path(operation, "%00"))
        world.send(operation, "NUL behind", 400, path=world.path(operation, f"{UNKNOWN_ID}%00"))
    world.assert_unharmed(at_least=600)


def test_an_id_that_names_nothing_hides_all_other_faults(world: World) -> None:
    """With a right body or a wrong one, an unknown id is the same 404."""
    for operation in details():
        for body in (b'{"name": ""}', b'{"nothing": 1}'):
            if operation.method in ("PUT", "PATCH"):
                world.send(
                    operation, "body", 404, path=world.path(operation, UNKNOWN_ID), body=body
                )
    world.assert_unharmed(at_least=20)


def test_paths_that_are_no_routes(world: World) -> None:
    anything = operations()[0]
    paths = ["/", "//", "/api", "/api/v1", "/api/v1/", "/api/v1/no-such/", "/api/v1/products"]
    paths += ["/api/v1/products//", "/api/v1/products/%0a", "/api/v1/products/%0d%0aX: y"]
    paths += ["/api/v2/products/", "/API/V1/products/", "/api/v1/../v1/products/", "/.env"]
    paths += ["/static/../../etc/passwd", "/static/%2e%2e/x", "/static/no-such.js", "/admin/"]
    paths += ["/%ff", "/%ed%a0%80", "/あ", "/" + "a" * 5_000, "/health", "/health/x/", "/%zz"]
    for path in paths:
        for method in METHODS:
            world.send(anything, path[:60], 404, path=path, method=method)
    for path in ("/%00", "/api/v1/products/%00/", "/a%00b"):
        world.send(anything, path, 400, path=path, method="GET")
    world.assert_unharmed(at_least=100)


def test_formats_that_cannot_be_given(world: World) -> None:
    for operation in api_operations():
        for accept in ("text/html", "application/xml", "image/*", "application/jsonx"):
            world.send(operation, accept, 406, HTTP_ACCEPT=accept)
    world.assert_unharmed(at_least=160)


def test_accept_headers_that_are_nonsense(world: World) -> None:
    odd = ["", ";", ",,,", "junk", "/", "*", "a/b/c", "*/*;q=junk", "\xff\xfe", ";q=1", "text"]
    odd += [
        "application/json;v=x;q=a,x/y",
        "application/" + "x" * 5_000,
        ",".join(["a/b"] * 1_000),
        "application/json;" * 250,
    ]
    for operation in api_operations("GET"):
        if not operation.is_detail:
            for accept in odd:
                world.send(operation, accept[:60], 200, 406, HTTP_ACCEPT=accept)
    world.assert_unharmed(at_least=100)


def test_other_headers_that_are_nonsense(world: World) -> None:
    odd: list[tuple[str, str]] = [
        ("HTTP_ACCEPT_LANGUAGE", "x" * 5_000),
        ("HTTP_ACCEPT_LANGUAGE", "../../etc/passwd, ja;q=junk, \xff"),
        ("HTTP_COOKIE", "noren_refresh=\xff; =; a; \x00"),
        ("HTTP_COOKIE", "a=b; " * 900),
        ("HTTP_ORIGIN", "null"),
        ("HTTP_ORIGIN", "http://[::1"),
        ("HTTP_ORIGIN", "\xff://"),
        ("HTTP_REFERER", "http://[::1"),
        ("HTTP_RANGE", "bytes=0-99999999999999999999"),
        ("HTTP_IF_NONE_MATCH", '"' + "x" * 5_000),
        ("HTTP_IF_MODIFIED_SINCE", "Sun, 99 Foo 99999 99:99:99 GMT"),
        ("HTTP_EXPECT", "100-continue"),
        ("HTTP_X_FORWARDED_FOR", "999.999.999.999, ::, x"),
        ("HTTP_X_FORWARDED_HOST", "evil.example"),
        ("HTTP_X_FORWARDED_PROTO", "gopher"),
        ("HTTP_X_HTTP_METHOD_OVERRIDE", "DELETE"),
        ("HTTP_TRANSFER_ENCODING", "chunked"),
        ("HTTP_CONTENT_DISPOSITION", 'attachment; filename="a\r\nb"'),
        ("HTTP_X_CSRFTOKEN", "x"),
    ]
    for operation in api_operations("GET"):
        for name, value in odd:
            if operation.needs_sign_in:
                world.send(operation, f"{name} {value[:40]!r}", 200, **{name: value})
    world.assert_unharmed(at_least=200)


def test_request_ids(world: World) -> None:
    odd = ["", " ", "a b", "a\r\nSet-Cookie: b=c", "\xff", "x" * 65, "a;b", "<b>", "a/b", "a\x00b"]
    for at, operation in enumerate(operations()):
        for offered in share(odd, at, 3):
            response = world.client.generic(
                operation.method, world.path(operation, UNKNOWN_ID), HTTP_X_REQUEST_ID=offered
            )
            made = response.headers["X-Request-ID"]
            assert uuid.UUID(made).version == 7, (operation, offered, made)
        response = world.client.generic(
            operation.method, world.path(operation, UNKNOWN_ID), HTTP_X_REQUEST_ID="A.b_9-" * 10
        )
        assert response.headers["X-Request-ID"] == "A.b_9-" * 10, operation
        world.requests += 1
    world.assert_unharmed(at_least=40)


def test_hosts_that_are_not_ours(world: World) -> None:
    """Probes and the scraper ask by address."""
    for operation in operations():
        if operation.template.startswith(("/health/", "/metrics")):
            continue
        for host in ("evil.example", "testserver:x", "testserver@evil.example", "", "a\x00b", "あ"):
            world.send(operation, host, 400, HTTP_HOST=host)
    world.assert_unharmed(at_least=200)


def encode(claims: Any, **header: Any) -> str:
    """A token that our own key has signed."""
    key = signing_key()
    return jwt.encode(claims, key.private, ALGORITHM, headers={"kid": key.kid, **header})


def raw_token(header: bytes, payload: bytes, signature: bytes = b"x") -> str:
    parts = (header, payload, signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def odd_tokens(world: World) -> dict[str, str]:
    """Signed with odd claims, unsigned, and no tokens at all."""
    good = jwt.decode(world.shop.token("owner"), options={"verify_signature": False})
    unsigned = json.dumps(good).encode()
    found = {"alg none": raw_token(b'{"alg":"none","typ":"JWT"}', unsigned, b"")}
    found["alg None"] = raw_token(b'{"alg":"None"}', unsigned, b"")
    found["HMAC with nothing"] = jwt.encode(good, "x" * 32, algorithm="HS256")
    found["deep header"] = raw_token(b"[" * 4_000, unsigned)
    found["deep payload"] = raw_token(b'{"alg":"EdDSA"}', b"[" * 4_000)
    found["long number"] = raw_token(b'{"alg":' + b"9" * 5_000 + b"}", unsigned)
    found["header is a list"] = raw_token(b"[]", unsigned)
    found["alg is a list"] = raw_token(b'{"alg":["EdDSA"]}', unsigned)
    found["kid is an object"] = raw_token(b'{"alg":"EdDSA","kid":{}}', unsigned)
    found["crit"] = raw_token(b'{"alg":"EdDSA","crit":["x"]}', unsigned)
    found["jku"] = raw_token(b'{"alg":"EdDSA","jku":"http://127.0.0.1:1/"}', unsigned)
    found["signature of zeros"] = raw_token(b'{"alg":"EdDSA"}', unsigned, b"\0" * 64)
    found["a refresh token"] = tokens.open_session(
        user=world.shop.users["owner"], affiliation=None
    ).refresh
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()
    odd: dict[str, list[Any]] = {
        "user_id": [None, 5, 2**63, True, [], {}, "x", "\u0000", "\ud800", "9" * 4_000, UNKNOWN_ID],
        "sid": [None, 5, [], {"a": 1}, "x", UNKNOWN_ID, "urn:uuid:" + "0" * 32],
        "tenant_id": [5, [], {}, "x", True, UNKNOWN_ID, str(make_shop().tenant.id)],
        "exp": [None, "x", [], -1, 0, moment, True, {}],
        "iat": [None, "x", [], 10**30, 10**400],
        "nbf": ["x", 10**30],
        "jti": [None],
        "token_type": [None, "refresh", "ACCESS", 5, [], {}],
    }
    for claim, values in odd.items():
        for at, value in enumerate(values):
            found[f"{claim} {at}"] = encode({**good, claim: value})
        found[f"no {claim}"] = encode({name: good[name] for name in good if name != claim})
    for harmless in ("no nbf", "no tenant_id"):
        found.pop(harmless)
    return found


def test_tokens_that_open_nothing(world: World) -> None:
    found = odd_tokens(world)
    world.before = world.state()
    for at, operation in enumerate(guarded()):
        for label in share(list(found), at, 4):
            world.send(operation, label, 401, client=Client(found[label]))
    world.assert_unharmed(at_least=10 * len(found))


def test_refresh_tokens_that_open_nothing(world: World) -> None:
    found = odd_tokens(world)
    world.before = world.state()
    refresh = next(each for each in operations() if each.template == "/api/auth/token/refresh/")
    for label, token in found.items():
        # One is right, and one says of itself that it is a spent one, which ends its session.
        if label not in ("a refresh token", "token_type 1") and len(token) <= 4_000:
            world.send(refresh, label, 401, body={"refresh": token})
        cookie = {"HTTP_COOKIE": f"noren_refresh={token}", "HTTP_ORIGIN": "https://evil.example"}
        world.send(refresh, label, 401, body={}, client=Client(), **cookie)
    world.assert_unharmed(at_least=80)


def test_a_far_expiry_opens_nothing(world: World) -> None:
    """A token that lives longer than any of ours is none, even where our key has signed it."""
    good = jwt.decode(world.shop.token("owner"), options={"verify_signature": False})
    for exp in (10**12, 2**63, 10**400, "9" * 400):
        client = Client(encode({**good, "exp": exp}))
        assert client.get("/api/v1/products/").status_code == 401


def test_authorization_headers_that_are_malformed(world: World) -> None:
    good = world.shop.token("owner")
    world.before = world.state()
    odd = ["", " ", "Bearer", "Bearer ", f"Bearer {good} {good}", f"Bearer {good},", "bearer\t"]
    odd += [f"Token {good}", f"Basic {good}", "Basic Og==", good, "Bearer \xff\xfe", "Bearer あ"]
    odd += ["Bearer " + "a" * 7_000, "Bearer " + "." * 7_000, "Bearer null", "Api-Key x"]
    odd += [f"Bearer\t{good}", "Bearer a.b.c", f"Bearer {good[:-4]}", "\x00", ",", "Digest a=b"]
    for at, operation in enumerate(guarded()):
        for value in share(odd, at, 3):
            header = value.encode().decode("latin-1")
            world.send(operation, value[:40], 401, client=Client(), HTTP_AUTHORIZATION=header)
    world.assert_unharmed(at_least=250)


def test_the_tenant_header_is_for_the_platform_alone(world: World) -> None:
    own, foreign = str(world.shop.tenant.id), str(make_shop().tenant.id)
    world.before = world.state()
    named = [own, foreign, UNKNOWN_ID, "x", "", "\x00", "\xff", own.upper(), f"{own},{foreign}"]
    for at, operation in enumerate(api_operations()):
        for value in {own, foreign, *share(named, at, 3)}:
            world.send(operation, value, 403, client=world.client, HTTP_X_TENANT_ID=value)
            world.send(operation, value, 403, client=Client(), HTTP_X_TENANT_ID=value)
    world.assert_unharmed(at_least=300)


def test_platform_staff_name_a_tenant_that_exists(world: World) -> None:
    token = tokens.open_session(user=make_superuser(), affiliation=None).access
    world.before = world.state()
    client = Client(token)
    for operation in api_operations("GET"):
        if operation.template.startswith("/api/v1/"):
            unnamed = 200 if operation.is_platforms else 403
            world.send(operation, "none named", unnamed, client=client)
            for wrong in (UNKNOWN_ID, "x", "", "\xff", "9" * 5_000):
                world.send(operation, wrong[:40], 400, client=client, HTTP_X_TENANT_ID=wrong)
            right = str(world.shop.tenant.id)
            world.send(operation, "right", 200, client=client, HTTP_X_TENANT_ID=right)
    world.assert_unharmed(at_least=100)


ODD_KEYS = [
    "",
    " ",
    "k" * 256,
    "k" * 7_000,
    "\x00",
    "a\x00b",
    "a\tb",
    "a\rb",
    "\x7f",
    "é",
    "あ",
    "\xff",
]
ODD_TAGS = [
    "",
    " ",
    "1",
    "*, *",
    '*, "1"',
    '"',
    '"1',
    '1"',
    '"1" "2"',
    'w/"1"',
    "W/1",
    '"a b"',
    "\x00",
]
ODD_TAGS += ['"\x00"', '"\x7f"', "'1'", '"1";q=1', "W/W/" + '"1"', ",", '"1",x', '"' * 7_000]


def writes() -> list[Operation]:
    return [each for each in api_operations() if each.method != "GET"]


def test_keys_that_are_none(world: World) -> None:
    """Refused before the body is looked at, wherever keys are taken, and where they are not."""
    for at, operation in enumerate(writes()):
        for key in share(ODD_KEYS, at, 3):
            header = key.encode().decode("latin-1")
            # Some calls of sign-in are counted by what their body shows.
            body = b"{" if operation.template.startswith("/api/v1/") else b"{}"
            response = world.send(operation, key[:20], 400, HTTP_IDEMPOTENCY_KEY=header, body=body)
            world.expect_named(response, f"{operation} {key[:20]!r}", "Idempotency-Key")
    world.assert_unharmed(at_least=150)


def test_tags_that_are_none(world: World) -> None:
    for at, operation in enumerate(writes()):
        for tag in share(ODD_TAGS, at, 3):
            header = tag.encode().decode("latin-1")
            body = b"" if operation.method == "DELETE" else b"{}"
            response = world.send(operation, tag[:20], 400, HTTP_IF_MATCH=header, body=body)
            world.expect_named(response, f"{operation} {tag[:20]!r}", "If-Match")
    world.assert_unharmed(at_least=250)
