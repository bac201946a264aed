"""What the hostile tests share: every route and verb of the resolver, a world, and the verdict.

Routes come from the URL resolver and bodies from the served schema, so a new route is under
attack without a line here.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote

import psycopg
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from psycopg import sql

from noren.catalog.models import Review
from noren_kit.accounts import tokens
from noren_kit.accounts.permissions import PlatformStaff
from noren_kit.accounts.provisioning import create_tenant
from noren_kit.core.ids import uuid7
from noren_kit.files.keeping import keep_file
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import ERROR_MEMBERS
from noren_kit.testing.filling import Filler
from noren_kit.testing.shops import Client, Shop, make_superuser

JSON, FORM = "application/json", "multipart/form-data"
# An answer that takes this much of the processor hangs; the other bound allows for busy machines.
# Bounds on accidents, and no measures: machines differ by a factor of three.
CPU_SECONDS, WALL_SECONDS = 3.0, 15.0
# Of `/api/auth/`, what a signed-in person alone may call; the rest is open.
PERSONAL = (
    "/api/auth/me/",
    "/api/auth/logout/all/",
    "/api/auth/switch/",
    "/api/auth/password/change/",
    "/api/auth/invitations/",
)
BODY_METHODS = ("POST", "PUT", "PATCH", "DELETE")
_VERBS = ("get", "post", "put", "patch", "delete")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True)
class Operation:
    """One verb at one route."""

    method: str
    template: str
    view: Any = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.template}"

    @property
    def is_detail(self) -> bool:
        return bool(self.parts)

    @property
    def parts(self) -> list[str]:
        """The rows in the path: at most a parent's, then `pk` for one of the resource."""
        return [each for each in re.findall(r"{(\w+)}", self.template) if each != "name"]

    @property
    def is_platforms(self) -> bool:
        """Whether it is for the platform's people alone."""
        return PlatformStaff in getattr(self.view, "permission_classes", ())

    @property
    def is_api(self) -> bool:
        """Whether the route is in the schema: not the probes, the schema and its pages."""
        return self.template.startswith(("/api/v1/", "/api/auth/"))

    @property
    def needs_sign_in(self) -> bool:
        return self.template.startswith(("/api/v1/", *PERSONAL))

    @cache  # noqa: B019  a handful of operations, for the whole run
    def described(self) -> dict[str, Any]:
        path = self.template.replace("{pk}", "{id}")
        found: dict[str, Any] = document()["paths"][path][self.method.lower()]
        return found

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            each["name"]: each["schema"]
            for each in self.described().get("parameters", [])
            if each["in"] == "query"
        }

    @property
    def body_schema(self) -> dict[str, Any] | None:
        body = self.described().get("requestBody")
        if body is None or self.takes_forms:
            return None
        return resolved(body["content"][JSON]["schema"])

    @property
    def takes_forms(self) -> bool:
        """Whether a body is a form, as of those that carry files."""
        return FORM in self.described().get("requestBody", {}).get("content", {})

    @property
    def takes_rows(self) -> bool:
        """Whether a body is a list of rows."""
        return (self.body_schema or {}).get("type") == "array"

    @property
    def row_schema(self) -> dict[str, Any]:
        """The schema of a body, or of one of its rows where it is a list of them."""
        schema = self.body_schema or {}
        return resolved(schema["items"]) if self.takes_rows else schema

    @property
    def is_list(self) -> bool:
        return "page" in self.parameters


@cache
def document() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its own reference followed."""
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _patterns(resolver: Any, prefix: str = "/") -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        route = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from _patterns(entry, route)
        elif isinstance(entry, URLPattern):
            yield route, entry.callback


def _verbs(callback: Any) -> list[str]:
    if not hasattr(callback, "cls"):
        return ["get"]
    offered = getattr(callback, "actions", dir(callback.cls))
    return [verb for verb in _VERBS if verb in offered and verb in callback.cls.http_method_names]


@cache
def operations() -> list[Operation]:
    """Every verb of every route of the resolver but HEAD."""
    return [
        Operation(verb.upper(), template, getattr(callback, "cls", None))
        for template, callback in _patterns(get_resolver())
        for verb in _verbs(callback)
    ]


def api_operations(*methods: str) -> list[Operation]:
    return [
        each for each in operations() if each.is_api and (not methods or each.method in methods)
    ]


class World:
    """A shop with a row in every table, its owner's client and the platform's, and a witness."""

    def __init__(self, shop: Shop, tables: list[str]) -> None:
        self.shop, self.client, self.faults = shop, shop.client(), list[str]()
        self.requests = 0
        with shop.entered():
            self.rows = Filler().fill()
            # What only its author may change is refused for the body, and not for the caller.
            Review.objects.update(reviewer=shop.users["owner"])
        # Not the shop itself, which must not be suspended under the attack.
        self.rows[Tenant] = create_tenant(slug="spare", name="Spare")
        token = tokens.open_session(user=make_superuser("attacker"), affiliation=None).access
        self.platform = Client(token)
        with shop.entered():
            self.file = keep_file(b"\xff", kind="products", row=uuid7(), extension="jpg")
        self._witness = psycopg.connect(os.environ["DATABASE_BACKUP_URL"], autocommit=True)
        digest = "SELECT {}, count(*), coalesce(sum(hashtext(t::text)), 0) FROM {} t"
        each = [sql.SQL(digest).format(sql.Literal(name), sql.Identifier(name)) for name in tables]
        self._digest = sql.SQL(" UNION ALL ").join(each).as_bytes()
        self._snapshot: Any = None
        self._state = dict[str, tuple[int, int]]()
        self.before = self.state()

    def close(self) -> None:
        self._witness.close()

    def state(self) -> dict[str, tuple[int, int]]:
        """Rows and their digest by table, past all row-level security.

        An equal snapshot sees equal rows, so they are read anew under another one alone.
        """
        snapshot = self._witness.execute("SELECT pg_current_snapshot()::text").fetchone()
        if snapshot != self._snapshot:
            self._snapshot = snapshot
            self._state = {
                name: (count, digest) for name, count, digest in self._witness.execute(self._digest)
            }
        return self._state

    def path(self, operation: Operation, pk: str | None = None) -> str:
        """The path to a row; `pk` is its id, or that of the parent where it is a list's."""
        path, parts = operation.template.replace("{name}", self.file), operation.parts
        for part in parts:
            if pk is None or part != parts[-1]:
                row = self.rows[operation.view.resource_model()]
                own = row.pk if part == "pk" else getattr(row, f"{part}_id")
            else:
                own = pk
            path = path.replace(f"{{{part}}}", str(own))
        return path

    def send(
        self,
        operation: Operation,
        label: str,
        *expected: int,
        path: str | None = None,
        query: str = "",
        body: Any = b"",
        content_type: str = JSON,
        client: Client | None = None,
        method: str | None = None,
        **meta: Any,
    ) -> Any:
        """Send one request, note every fault of the answer, and return the answer."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        target = path if path is not None else self.path(operation)
        name = f"{operation} [{label}]"
        cpu, wall = time.process_time(), time.monotonic()
        own = self.platform if operation.is_platforms else self.client
        response = (client or own).generic(
            method or operation.method,
            target,
            body,
            content_type=content_type,
            QUERY_STRING=query,
            **meta,
        )
        used, waited = time.process_time() - cpu, time.monotonic() - wall
        if used > CPU_SECONDS or waited > WALL_SECONDS:
            self.faults.append(f"{name}: took {used:.1f} s of processor, {waited:.1f} s in all")
        self.requests += 1
        for fault in verdict(response, expected):
            self.faults.append(f"{name}: {fault}")
        self._compare(name, response)
        return response

    def _compare(self, name: str, response: Any) -> None:
        now = self.state()
        if response.status_code >= 400:
            changed = [table for table in now if now[table] != self.before[table]]
            if changed:
                self.faults.append(f"{name}: {response.status_code}, yet stored in {changed}")
        self.before = now

    def assert_unharmed(self, at_least: int = 1) -> None:
        """No request had a fault, and at least so many were sent."""
        __tracebackhide__ = True
        shown = [f"{len(self.faults)} faults in {self.requests} requests:", *self.faults[:12]]
        assert not self.faults, "\n".join(shown)
        assert self.requests >= at_least

    def expect_code(self, response: Any, label: str, code: str) -> None:
        if response.status_code >= 400 and response.json()["code"] != code:
            self.faults.append(f"{label}: code {response.json()['code']}, not {code}")

    def expect_named(self, response: Any, label: str, name: str) -> None:
        """The answer names the field or the parameter that was at fault."""
        body = response.json() if response.status_code == 400 else {}
        details = body.get("details", {})
        if body and name not in details.get("rows", {}).get("0", details):
            self.faults.append(f"{label}: {name} is not named in {body['code']} {body['details']}")


def verdict(response: Any, expected: tuple[int, ...]) -> Iterator[str]:
    """What is wrong with an answer; nothing where it keeps the contract."""
    status = response.status_code
    if status not in expected:
        yield f"{status} instead of {expected}: {response.content[:160]!r}"
    offered = response.headers.get("X-Request-ID", "")
    if not _REQUEST_ID.fullmatch(offered):
        yield f"request id {offered!r}"
    if status < 400:
        return
    kind = response.headers.get("Content-Type", "")
    if kind != JSON:
        yield f"content type {kind!r}"
        return
    body = json.loads(response.content)
    if set(body) != ERROR_MEMBERS:
        yield f"members {sorted(body)}"
        return
    if body["request_id"] != offered:
        yield f"request id {body['request_id']!r} in the body, {offered!r} in the header"
    if body["error"] is not True or body["status_code"] != status or not body["message"]:
        yield f"envelope {body}"
    if not isinstance(body["details"], dict) or not _TIME.fullmatch(body["timestamp"]):
        yield f"details or timestamp {body}"
    if status == 401 and not response.headers.get("WWW-Authenticate"):
        yield "no WWW-Authenticate"
    if status == 405 and not response.headers.get("Allow"):
        yield "no Allow"


def share(cases: list[Any], at: int, parts: int) -> list[Any]:
    """What one route meets of cases that the same code judges for all: every n-th, in turn.

    In `make soak` each route meets all of them.
    """
    return cases if "NOREN_SOAK" in os.environ else cases[at % parts :: parts]


def encoded(value: str | bytes) -> str:
    return quote(value, safe="")
