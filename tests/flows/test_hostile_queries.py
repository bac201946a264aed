"""Hostile query strings on every route: a 400 that names the parameter, nothing ignored."""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hostile import Operation, World, api_operations, encoded

from noren_kit.core.conf import conf
from noren_kit.testing.shops import make_shop

# Parameters that no route has.
UNKNOWN = [
    "tenant_id",
    "tenant",
    "category__tenant",
    "created_by__password",
    "created_by__username__startswith",
    "name__regex",
    "sku__iregex",
    "price__gte",
    "price__isnull",
    "deleted_at__isnull",
    "id__in",
    "pk",
    "format",
    "limit",
    "offset",
    "_",
    "page[]",
    "page ",
    "PAGE",
    "__proto__",
    "search'",
    "名前",
]
# Values by the kind of parameter; all of them are refused.
TIMES = [
    "junk",
    "now",
    "0",
    "1700000000",
    "0000-01-01T00:00:00Z",
    "-0005-01-01T00:00:00Z",
    "99999999-01-01",
    "10000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00-14:00",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59+14:00",
    "1899-12-31T23:59:59Z",
    "9000-01-01T00:00:00.000001Z",
    "2016-12-31T23:59:60Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-01T24:00:01Z",
    "2026-01-01T00:00:00+25:00",
    "2026-01-01T00:00:00+99:99",
    "2026-01-01T00:00:00 09:00",
    "2026-01-01T00:00:00Europe/Paris",
    "2026-01-01T00:00:00[UTC]",
    "２０２６-01-01",
    "٢٠٢٦-01-01",
    "2026-01-01T00:00:00Z; DROP TABLE x",
    "2026-01-01T00:00:00." + "0" * 60 + "Z",
    "9" * 5_000,
]
NUMBERS = ["0", "-1", "-0", "1.0", "1e3", "1_0", "+1", " 1", "١٢", "１", "0x1", "x", "NaN"]
NUMBERS += ["1000000000000", str(10**20), str(2**63), "9" * 5_000, "1,2"]
AMOUNTS = ["-1", "NaN", "sNaN", "Infinity", "1e400", "1e3", "1e-30000", "1_000", "١٢٣", "１", "+1"]
AMOUNTS += ["0x10", "1,5", "1.2345", "9" * 12, "9" * 5_000, "0." + "0" * 5_000 + "1", "x", "."]
IDS = ["x", "0", "-1", "null", str(2**63), "{0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b}"]
IDS += ["urn:uuid:0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b"]
IDS += ["0190a1b2_c3d4_7e5f_8a9b_0c1d2e3f4a5b", "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b'"]
LISTS = [",", "x", "a,,b", ",".join(str(uuid.UUID(int=n)) for n in range(101))]
LISTS += [",".join(str(uuid.UUID(int=n)) for n in range(5_000)), "," * 5_000]
BOOLEANS = ["junk", "1", "0", "True", "TRUE", "yes", "null", "truefalse", "true,false"]
ENUMS = ["junk", "DRAFT", "null", "active,draft", "' OR 1=1 --", "a" * 5_000]
SEARCHES = [" ".join(["word"] * 3_000), "a " * 11 + "a", "x" * 201, "ﷺ" * 201]
NAMES = [",", "a,,b", ",".join(f"n{n}" for n in range(11)), "a" * 501, ",".join("abcdefghijklm")]
SPARSE = ["no_such_field", "id,password", "created_by__password", "*", "id,,name", ",", "tenant"]
ORDERINGS = [
    "category__tenant",
    "tenant_id",
    "tenant",
    "created_by__password",
    "created_by",
    "deleted_at",
    "?",
    "-",
    "--created_at",
    "created_at,created_at",
    "created_at,-created_at",
    ",",
    "created_at,,id",
    "id",
    "pk",
    "created_at; DROP TABLE x",
    "created_at DESC",
    "1",
    "a" * 5_000,
]
PAGES = ["5001", "100001", "1000000000000"]


def hostile_values(name: str, schema: dict[str, Any]) -> list[str]:
    """What is tried as a parameter, by what the served schema says of it."""
    by_name = {"search": SEARCHES, "ordering": ORDERINGS, "fields": SPARSE, "omit": SPARSE}
    by_name |= {"role": ["a b", "a,b", "é", "\u200b", "x" * 51, "a\n", " owner", "%"]}
    by_name |= {"ids": LISTS + IDS, "tags": NAMES, "cursor": cursors()}
    by_format = {"uuid": IDS, "decimal": AMOUNTS}
    if name in by_name:
        return by_name[name]
    if name == "page":
        return NUMBERS + PAGES
    if schema.get("format") in by_format:
        return by_format[schema["format"]]
    if schema["type"] == "integer":
        return [*NUMBERS, "101"]
    return BOOLEANS if schema["type"] == "boolean" else ENUMS


def cursors() -> list[str]:
    return ["x", "a:b", ":", "::", "W10:abc", "é", "\ufeff", "A" * 5_000, "eyJhIjoxfQ:" + "x" * 27]


def every() -> list[Operation]:
    found = api_operations()
    assert len(found) > 40
    return found


def lists() -> list[Operation]:
    found = [each for each in api_operations("GET") if each.is_list]
    assert len(found) >= 8
    return found


def test_unknown_parameters(world: World) -> None:
    for operation in every():
        for start in range(0, len(UNKNOWN), 8):
            some = UNKNOWN[start : start + 8]
            query = "&".join(f"{encoded(name)}={encoded('(junk')}" for name in some)
            response = world.send(operation, query, 400, query=query)
            for name in some:
                world.expect_named(response, str(operation), name)
    world.assert_unharmed(at_least=100)


def test_parameters_of_lists_are_for_lists_alone(world: World) -> None:
    for operation in every():
        if not operation.is_list:
            response = world.send(operation, "paged", 400, query="page=1&page_size=5&cursor=")
            for name in ("page", "page_size", "cursor"):
                world.expect_named(response, str(operation), name)
    world.assert_unharmed(at_least=30)


def test_values_of_every_parameter(world: World) -> None:
    for operation in every():
        for name, schema in operation.parameters.items():
            if schema.get("format") != "date-time":
                for value in hostile_values(name, schema):
                    if name == "request_id" and re.fullmatch(schema["pattern"], value):
                        continue  # Any word may be one.
                    attack(world, operation, [name], value)
        if moments := times_of(operation):
            for value in TIMES:
                attack(world, operation, moments, value)
    world.assert_unharmed(at_least=1_000)


def attack(world: World, operation: Operation, names: list[str], value: str) -> None:
    """The same value for several parameters: a 400 that names them all."""
    query = "&".join(f"{name}={encoded(value)}" for name in names)
    expected = 414 if len(query) > conf.MAX_HEAD_BYTES else 400
    label = f"{names[0]}={value[:60]}"
    response = world.send(operation, label, expected, query=query)
    for name in names:
        world.expect_named(response, f"{operation} [{label}]", name)


def times_of(operation: Operation) -> list[str]:
    parameters = operation.parameters.items()
    return [name for name, schema in parameters if schema.get("format") == "date-time"]


def test_repeated_and_empty_parameters(world: World) -> None:
    for operation in every():
        for name in operation.parameters:
            response = world.send(operation, "repeated", 400, query=f"{name}=1&{name}=1")
            world.expect_named(response, str(operation), name)
            if name != "cursor":
                for query in (name, f"{name}=", f"{name}=%20%20"):
                    response = world.send(operation, query, 400, query=query)
                    world.expect_named(response, f"{operation} [{query}]", name)
    world.assert_unharmed(at_least=300)


def test_queries_that_are_no_text(world: World) -> None:
    broken = ["search=%00", "%00=1", "search=%ff", "search=%ed%a0%80", "search=%c0%af", "%fe=1"]
    broken += ["search=\xff", "search=%E3%81", "search=a%00b"]
    many = "&".join(f"p{n}=1" for n in range(1_001))
    for operation in every():
        for query in broken:
            world.send(operation, ascii(query), 400, query=query)
        world.send(operation, "1,001 parameters", 400, query=many)
        world.send(operation, "5,000 ampersands", 400, query="&" * 5_000 + "x=1")
    world.assert_unharmed(at_least=300)


def test_cursors_of_elsewhere(world: World) -> None:
    """A cursor works in its list, its tenant and its filters, and nowhere else."""
    neighbour = make_shop()
    minted: dict[str, str] = {}
    for operation in lists():
        if operation.is_detail or operation.is_platforms:
            continue
        for name in ("one", "two"):
            neighbour_has = {"name": name, "code": name}
            body = {key: neighbour_has[key] for key in needed(operation) if key in neighbour_has}
            for client in (world.client, neighbour.client()):
                client.post(operation.template, body)
        minted.update(mint(world, operation, neighbour.client()))
    assert len(minted) >= 6, minted
    world.before = world.state()
    for operation in lists():
        for label, token in minted.items():
            response = world.send(operation, label, 400, query=f"cursor={encoded(token)}")
            world.expect_named(response, f"{operation} [{label}]", "cursor")
    world.assert_unharmed(at_least=48)


def needed(operation: Operation) -> list[str]:
    """Members that a body needs to make a row of a list; none where rows are not made."""
    creating = [each for each in api_operations("POST") if each.template == operation.template]
    return [name for each in creating for name in (each.body_schema or {}).get("required", [])]


def mint(world: World, operation: Operation, neighbour: Any) -> dict[str, str]:
    """Tokens that no list of the world may take: tampered, filtered otherwise, the neighbour's."""
    path, found = operation.template, {}
    own = world.client.get(path, {"cursor": "", "page_size": 1}).json()["next"]
    foreign = neighbour.get(path, {"cursor": "", "page_size": 1}).json()["next"]
    if foreign:
        found[f"the neighbour's of {path}"] = token_of(foreign)
    if own:
        token = token_of(own)
        found[f"tampered of {path}"] = ("x" if token[0] != "x" else "y") + token[1:]
        found[f"cut of {path}"] = token[:-1]
        since = {"created_after", "occurred_after"}.intersection(operation.parameters).pop()
        narrowed = {"cursor": "", "page_size": 1, since: "2020-01-01T00:00:00Z"}
        filtered = world.client.get(path, narrowed).json()["next"]
        found[f"of another filter of {path}"] = token_of(filtered)
    return found


def token_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["cursor"][0]


def test_times_that_are_legal(world: World) -> None:
    """Naive times are UTC; moments in the gaps and folds of local clocks are moments like any."""
    legal = [
        "2026-03-29T02:30:00",
        "2026-03-29T02:30:00+01:00",
        "2026-10-25T02:30:00+02:00",
        "2026-11-01T01:30:00-05:00",
        "2026-01-31",
        "2026-01-31T00:00Z",
        "2024-02-29T23:59:59.999999+14:00",
        "2026-01-01T00:00:00-23:26",
        "2026-01-01T00:00:00+23:59",
        "1900-01-01T00:00:00Z",
        "9000-01-01T00:00:00Z",
    ]
    for operation in lists():
        for value in legal if times_of(operation) else []:
            query = "&".join(f"{name}={encoded(value)}" for name in times_of(operation))
            world.send(operation, query, 200, query=query)
    world.assert_unharmed(at_least=60)


def test_a_naive_time_is_utc(world: World) -> None:
    """`created_before` at the row's own naive UTC time leaves the row out, a moment later not."""
    made = world.client.post("/api/v1/brands/", {"name": "Naive"}).json()
    moment = made["created_at"].removesuffix("Z")
    url = "/api/v1/brands/"
    before = world.client.get(url, {"created_before": moment, "ids": made["id"]}).json()
    after = world.client.get(url, {"created_after": moment, "ids": made["id"]}).json()
    ahead = world.client.get(url, {"created_after": f"{moment}-01:00", "ids": made["id"]}).json()
    assert [before["count"], after["count"], ahead["count"]] == [0, 1, 0]
