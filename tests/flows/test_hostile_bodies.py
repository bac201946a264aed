"""Hostile bodies and values on every route that reads one: a 4xx, and nothing stored."""

from __future__ import annotations

import gzip
import json
from functools import cache
from typing import Any

import jsonschema
from hostile import BODY_METHODS, FORM, Operation, World, api_operations, document, share

MEGABYTE = 1024 * 1024
# Bodies of more bytes than that take longer to read than to judge.
LONG = 50_000


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def many_lines(count: int) -> bytes:
    line = {"product_id": "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "quantity": 1}
    return json.dumps({"items": [line] * count}).encode()


# Label, bytes; each is refused as malformed or as no object, whatever the route.
MALFORMED: list[tuple[str, bytes]] = [
    ("raw NUL", b'{"name": "a\x00b"}'),
    ("escaped NUL in a value", b'{"name": "a\\u0000b"}'),
    ("escaped NUL in a key", b'{"na\\u0000me": "a"}'),
    ("escaped NUL deep inside", b'{"tags": [["a", "\\u0000"]]}'),
    ("lone surrogate", b'{"name": "\\ud800"}'),
    ("lone low surrogate in a key", b'{"\\udc00": 1}'),
    ("invalid UTF-8", b'{"name": "\xff\xfe"}'),
    ("overlong UTF-8", b'{"name": "\xc0\xaf"}'),
    ("surrogate as UTF-8", b'{"name": "\xed\xa0\x80"}'),
    ("truncated UTF-8", b'{"name": "\xe3\x81"}'),
    ("byte order mark", b'\xef\xbb\xbf{"name": "a"}'),
    ("UTF-16", '{"name": "a"}'.encode("utf-16")),
    ("UTF-16 without mark", '{"name": "a"}'.encode("utf-16-be")),
    ("UTF-32", '{"name": "a"}'.encode("utf-32")),
    ("NaN", b'{"name": NaN}'),
    ("Infinity", b'{"price": Infinity}'),
    ("-Infinity", b'{"price": -Infinity}'),
    ("1e400", b'{"price": 1e400}'),
    ("5,000 digits", b'{"price": ' + b"9" * 5_000 + b"}"),
    ("5,000 digits as exponent", b'{"price": 1e' + b"9" * 5_000 + b"}"),
    ("leading zero", b'{"price": 007}'),
    ("plus sign", b'{"price": +1}'),
    ("hexadecimal", b'{"price": 0x10}'),
    ("underscore", b'{"price": 1_000}'),
    ("other digits", '{"price": ١٢٣}'.encode()),
    ("depth 33", b'{"name": ' + deep(32) + b"}"),
    ("depth 1,000", b'{"name": ' + deep(1_000) + b"}"),
    ("depth 100,000", b'{"name": ' + deep(100_000) + b"}"),
    ("endless opening", b'{"name":' * 100_000),
    ("duplicate key", b'{"name": "a", "name": "b"}'),
    ("duplicate key by escape", b'{"name": "a", "n\\u0061me": "b"}'),
    ("duplicate key inside", b'{"items": [{"quantity": 1, "quantity": 2}]}'),
    ("200,000 keys", b"{" + b",".join(b'"k%d":1' % n for n in range(200_000)) + b"}"),
    ("100,000 order lines", many_lines(100_000)),
    ("list", b"[]"),
    ("list of objects", b'[{"no_such_field_here": "a"}]'),
    ("number", b"5"),
    ("text", b'"text"'),
    ("true", b"true"),
    ("null", b"null"),
    ("truncated", b'{"name": "a"'),
    ("rubbish after it", b'{"name": "a"} x'),
    ("two documents", b"{}{}"),
    ("single quotes", b"{'name': 'a'}"),
    ("comment", b'{"name": "a" /* b */}'),
    ("trailing comma", b'{"name": "a",}'),
    ("raw line feed", b'{"name": "a\nb"}'),
    ("white space", b"   "),
    ("form", b"name=a"),
    ("XML", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    ("unknown member", b'{"no_such_field_here": 1}'),
    ("1e-999999999 in an unknown member", b'{"no_such_field_here": 1e-999999999}'),
    ("a key of a megabyte", b'{"' + b"k" * MEGABYTE + b'": 1}'),
]

UNSUPPORTED_TYPES = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/xml",
    "text/plain",
    "text/html",
    "application/jsonp",
    "application/vnd.api+json",
    "application/octet-stream",
    "image/png",
    "*/*",
    "application/*",
    "json",
    "/",
    ";;;",
    "application/json\r\nX-Injected: 1",
    "application/json; charset=shift_jis",
    "application/json; charset=utf-16",
    "application/json; charset=utf-7",
    "application/json; charset=hex",
    "application/json; charset=idna",
    "application/json; charset=no-such-charset",
    'application/json; charset="iso-8859-1"',
]


def with_body() -> list[Operation]:
    found = api_operations(*BODY_METHODS)
    assert len(found) > 20
    return found


def test_malformed_bodies(world: World) -> None:
    long = [each for each in MALFORMED if len(each[1]) > LONG]
    short = [each for each in MALFORMED if len(each[1]) <= LONG]
    for at, operation in enumerate(with_body()):
        for label, body in [*share(short, at, 2), *share(long, at, len(long))]:
            world.send(operation, label, 400, body=body)
    world.assert_unharmed(at_least=1_000)


def test_content_types_that_are_not_json(world: World) -> None:
    for at, operation in enumerate(with_body()):
        for kind in share(UNSUPPORTED_TYPES, at, 2):
            is_form = operation.takes_forms and kind.startswith(f"{FORM}; boundary")
            status = 400 if is_form else 415
            world.send(operation, kind, status, body=b'{"name": "a"}', content_type=kind)
        world.send(operation, "none", 415, body=b'{"name": "a"}', content_type="")
    world.assert_unharmed(at_least=500)


def test_encoded_bodies_are_not_unpacked(world: World) -> None:
    bomb = gzip.compress(b'{"name": "' + b"a" * (50 * MEGABYTE) + b'"}')
    for operation in with_body():
        for coding in ("gzip", "GZIP", "deflate", "br", "zstd", "gzip, identity", "x"):
            world.send(operation, coding, 415, body=bomb, HTTP_CONTENT_ENCODING=coding)
        world.send(operation, "hidden gzip", 400, body=bomb)
    world.assert_unharmed(at_least=100)


def test_bodies_past_the_limit(world: World) -> None:
    large = b'{"name": "' + b"a" * (30 * MEGABYTE) + b'"}'
    just = b'{"no_such_field_here": "' + b"a" * (9 * MEGABYTE) + b'"}'
    for at, operation in enumerate(with_body()):
        world.send(operation, "30 MB", 413, body=large)
        world.send(operation, "30 MB of a form", 413, body=large, content_type="text/plain")
        for body in share([just], at, 4):
            world.send(operation, "9 MB", 400, body=body)
        for length in ("1000000000000", "9" * 18):
            world.send(operation, f"length {length}", 413, body=b"{}", CONTENT_LENGTH=length)
        for length in ("-1", "abc", "1_0", "١٢", "0x10", "1e3", "9" * 5_000):
            world.send(operation, f"length {length[:9]}", 400, body=b"{}", CONTENT_LENGTH=length)
    world.assert_unharmed(at_least=100)


# Past what the parser reads as a number: malformed, so no field is named.
TOO_LONG_FOR_JSON = "4,000 digits"
# Any JSON value, tried as every field of every body; the served schema says which are legal.
VALUES: list[tuple[str, Any]] = [
    ("null", None),
    ("true", True),
    ("object", {}),
    ("object with members", {"id": "x", "$ne": 1}),
    ("list", []),
    ("list of null", [None]),
    ("1,001 members", [{}] * 1_001),
    ("blank", ""),
    ("spaces", "   "),
    ("zero width", "\u200b\u200d\ufeff"),
    ("Hangul filler", "\u3164"),
    ("bell", "a\x07b"),
    ("C1 control", "a\x85b"),
    ("CRLF", "a\r\nSet-Cookie: b=c"),
    ("100,000 characters", "x" * 100_000),
    ("expanding in NFC", "\u0958" * 300),
    ("injections", "'; DROP TABLE a; -- {{7*7}} ${jndi:ldap://x} ../../etc <script>"),
    ("0", 0),
    ("-1", -1),
    ("2**31", 2**31),
    ("2**63", 2**63),
    ("-2**63-1", -(2**63) - 1),
    (TOO_LONG_FOR_JSON, 10**4_000),
    ("0.1", 0.1),
    ("1e308", 1e308),
    ("5e-324", 5e-324),
    ("1_000", "1_000"),
    ("Arabic digits", "١٢٣"),
    ("NaN as text", "NaN"),
    ("Infinity as text", "-Infinity"),
    ("1e3 as text", "1e3"),
    ("1e-30000 as text", "1e-30000"),
    ("plus as text", "+1"),
    ("space as text", " 1 "),
    ("5,000 digits as text", "9" * 5_000),
    ("5,000 decimals as text", "0." + "0" * 5_000 + "1"),
    ("minus as text", "-5"),
    ("no UUID", "not-an-id"),
    ("UUID in braces", "{0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b}"),
    ("UUID as URN", "urn:uuid:0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"),
    ("UUID with underscores", "0190a1b2_c3d4_7e5f_8a9b_0c1d2e3f4a5b"),
    ("unknown UUID", "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"),
    ("two at signs", "a@@example.com"),
    ("an address of 300", "a" * 300 + "@example.com"),
    ("status of another thing", "shipped"),
]
# Literals that `json.dumps` can't write.
RAW_VALUES: list[tuple[str, bytes]] = [
    ("-0", b"-0"),
    ("-0.0", b"-0.0"),
    ("0e-999999", b"0e-999999"),
    ("1e-999999999", b"1e-999999999"),
    ("1e300", b"1e300"),
    ("1.5 with 3,000 decimals", b"1.5" + b"0" * 3_000),
    ("4,000 digits and a fraction", b"9" * 300 + b".5"),
]


@cache
def legality(operation: Operation) -> dict[str, Any]:
    """By field, what the served schema admits as its value."""
    checker = jsonschema.FormatChecker(formats=["uuid"])
    components = document()["components"]
    return {
        name: jsonschema.Draft202012Validator(
            {**schema, "components": components}, format_checker=checker
        )
        for name, schema in operation.row_schema.get("properties", {}).items()
    }


def as_body(operation: Operation, names: list[str], raw: bytes) -> bytes:
    """An object of these members, in a list where rows are taken."""
    members = b", ".join(b'"%s": %s' % (name.encode(), raw) for name in names)
    return b"[{%s}]" % members if operation.takes_rows else b"{%s}" % members


def attack_fields(world: World, operation: Operation, label: str, raw: bytes) -> None:
    """What the schema refuses is a 400 that names every field; anything else is no 5xx."""
    value, fields = json.loads(raw), legality(operation)
    legal = [name for name, field in fields.items() if field.is_valid(value)]
    illegal = [name for name in fields if name not in legal]
    if illegal:
        response = world.send(operation, label, 400, body=as_body(operation, illegal, raw))
        for name in illegal if label != TOO_LONG_FOR_JSON else []:
            world.expect_named(response, f"{operation} [{label}]", name)
    for name in legal:
        statuses = (200, 201, 204, 400, 401, 403, 409)
        world.send(operation, f"{name} = {label}", *statuses, body=as_body(operation, [name], raw))


def test_values_of_every_field(world: World) -> None:
    raw_values = [(label, json.dumps(value).encode()) for label, value in VALUES] + RAW_VALUES
    for operation in with_body():
        for label, raw in raw_values:
            attack_fields(world, operation, label, raw)
    world.assert_unharmed(at_least=1_000)


def test_fields_that_nobody_may_write(world: World) -> None:
    """Every field that is shown but not writable, and the ones attackers like, by name."""
    loved = {"tenant_id", "tenant", "is_staff", "is_superuser", "unit_price", "deleted_at", "pk"}
    odd = {"__class__", "", "$where", "a.b", "名前"}
    schemas = document()["components"]["schemas"]
    shown = {name for schema in schemas.values() for name in schema.get("properties", {})}
    for operation in with_body():
        writable = set(operation.row_schema.get("properties", {}))
        names = sorted((shown | loved | odd) - writable)
        for some in (names[::3], names[1::3], names[2::3]):
            body = as_body(operation, some, b'"x"')
            response = world.send(operation, "not writable", 400, body=body)
            for name in some:
                world.expect_named(response, str(operation), name)
    world.assert_unharmed(at_least=50)
