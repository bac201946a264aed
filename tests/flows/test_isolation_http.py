"""Tenants apart over HTTP: a neighbour's id answers as an id that never existed, everywhere.

Routes and verbs come from the URL resolver, bodies and parameters from the served OpenAPI
document, ids from a row in every tenant table: a new route, field or table is covered without
a line. "Answers as" means status, body, headers and the statements sent to PostgreSQL.
"""

from __future__ import annotations

import copy
import itertools
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver
from hostile import document

from noren.catalog.models import Product, Variant
from noren.orders.models import Order, OrderLine
from noren_kit.accounts.permissions import PlatformStaff
from noren_kit.api import answer_keys
from noren_kit.tenancy.checks import tenant_models
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import outward
from noren_kit.testing.filling import fill_tenant, tenant_references
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import PASSWORD, Client, Shop, make_shop

JSON = "application/json"
VERBS = ("get", "head", "post", "put", "patch", "delete", "options")
# Not described in the document, as they describe it.
UNDESCRIBED = {"/api/schema/", "/api/docs/"}
# Members of bodies of which one is given and not two.
ONE_OF = ("product_id", "variant_id")
# Members of bodies that may name the same thing once.
USED_UP = ("reservation",)


@dataclass(frozen=True)
class Route:
    path: str  # With `<name>` for each captured part.
    view: Any

    @property
    def names(self) -> list[str]:
        """The captured parts: at most a parent's, and that of the row itself last (`pk`)."""
        return re.findall(r"<(\w+)>", self.path)

    @property
    def captured(self) -> bool:
        return bool(self.names)

    @property
    def below(self) -> str | None:
        """The captured part that names a parent."""
        return next((name for name in self.names if name != "pk"), None)

    def url(self, *identifiers: object) -> str:
        """With an id in each captured part, in their order; one alone stands for all."""
        given = iter(identifiers * len(self.names) if len(identifiers) == 1 else identifiers)
        return re.sub(r"<\w+>", lambda _part: str(next(given)), self.path)

    @property
    def is_platforms(self) -> bool:
        """Whether it is for the platform's people, and refused to all others alike."""
        return PlatformStaff in getattr(self.view, "permission_classes", ())

    @property
    def template(self) -> str:
        """The path as the document writes it."""
        return self.path.replace("<pk>", "{id}").replace("<", "{").replace(">", "}")


def walk(resolver: Any, prefix: str = "") -> Iterator[Route]:
    for pattern in resolver.url_patterns:
        here = prefix + simplify_regex(str(pattern.pattern)).removeprefix("/")
        if isinstance(pattern, URLResolver):
            yield from walk(pattern, here)
        elif isinstance(pattern, URLPattern):
            path = re.sub(r"<\w+:", "<", "/" + here.replace("//", "/").removeprefix("/"))
            yield Route(path, getattr(pattern.callback, "cls", None))


ROUTES = sorted(walk(get_resolver()), key=lambda route: route.path)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = document()
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    for name in ("allOf", "oneOf", "anyOf"):
        if name in schema:
            return resolved(schema[name][0])
    return schema


def is_id(schema: dict[str, Any]) -> bool:
    return schema.get("format") == "uuid"


class Body:
    """A request body: what is required, and every id that may stand in it."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.leaves: list[tuple[Any, ...]] = []
        self.value = self._sample(schema, ())

    def _sample(self, given: dict[str, Any], path: tuple[Any, ...]) -> Any:
        schema = resolved(given)
        kinds = schema.get("type", "string")
        kind = kinds if isinstance(kinds, str) else kinds[0]
        if "enum" in schema:
            return schema["enum"][0]
        if kind == "object":
            return self._object(schema, path)
        if kind == "array":
            return [self._sample(schema["items"], (*path, 0))]
        if is_id(schema):
            self.leaves.append(path)
            return str(uuid.uuid4())
        return self._plain(kind, schema)

    def _object(self, schema: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
        required = schema.get("required", ())
        return {
            name: self._sample(each, (*path, name))
            for name, each in schema.get("properties", {}).items()
            if name in required or self._holds_id(each)
        }

    def _holds_id(self, given: dict[str, Any]) -> bool:
        schema = resolved(given)
        inner = [*schema.get("properties", {}).values()]
        inner += [schema["items"]] if "items" in schema else []
        return is_id(schema) or any(self._holds_id(each) for each in inner)

    @staticmethod
    def _plain(kind: str, schema: dict[str, Any]) -> Any:
        if kind == "integer":
            return max(1, schema.get("minimum", 1))
        if kind == "boolean":
            return False
        if schema.get("format") == "decimal":
            return "100"
        if schema.get("format") == "email":
            return f"{uuid.uuid4().hex}@example.com"
        return f"x{uuid.uuid4().hex}"[: schema.get("maxLength", 50)]

    def choices(self) -> list[Body]:
        """Bodies that hold one each of the ids of which one must be given."""
        exclusive = [path for path in self.leaves if path[-1] in ONE_OF]
        return [self.without(*set(exclusive) - {kept}) for kept in exclusive] or [self]

    def without(self, *paths: tuple[Any, ...]) -> Body:
        body = copy.deepcopy(self)
        for path in paths:
            holder = body.value
            for part in path[:-1]:
                holder = holder[part]
            del holder[path[-1]]
            body.leaves.remove(path)
        return body

    def with_id(self, path: tuple[Any, ...], identifier: object) -> Any:
        changed = copy.deepcopy(self.value)
        if not path:
            return str(identifier)
        holder = changed
        for part in path[:-1]:
            holder = holder[part]
        holder[path[-1]] = str(identifier)
        return changed


@dataclass
class Side:
    """A shop with rows in every table; `ids` holds every id of it, `row` one of each model."""

    shop: Shop
    row: dict[Any, uuid.UUID] = field(default_factory=dict)
    ids: list[uuid.UUID] = field(default_factory=list)
    parent: dict[Any, dict[str, uuid.UUID]] = field(default_factory=dict)

    @classmethod
    def make(cls) -> Side:
        side = cls(make_shop())
        filler = fill_tenant(side.shop.tenant.id)
        with enter(side.shop.tenant.id):
            for model in tenant_models():
                side.ids.append(filler.rows[model].id)
                # The second row refers to the first where a model refers to itself.
                second = filler.save(model)
                side.row[model] = second.id
                side.parent[model] = {
                    key.name: getattr(second, key.attname) for key in tenant_references(model)
                }
            Product.objects.update(status=Product.Status.ACTIVE)
            Variant.objects.update(is_active=True)
        side.row[Tenant] = side.shop.tenant.id
        people = [user.id for user in side.shop.users.values()]
        side.ids += [*side.row.values(), *people, side.shop.tenant.id]
        return side


@pytest.fixture(autouse=True)
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer is made anew, so that it is the work for it that is compared."""
    states = itertools.count()
    monkeypatch.setattr(answer_keys, "generation", lambda: str(next(states)))


@pytest.fixture
def here() -> Side:
    return Side.make()


@pytest.fixture
def there(here: Side) -> Side:
    return Side.make()


@pytest.fixture
def client(here: Side) -> Client:
    signed_in = here.shop.client()
    signed_in.get("/api/v1/products/")
    return signed_in


def ask(client: Client, verb: str, url: str, body: Any, asked: object) -> Any:
    """Everything of an answer that may tell one id from another, its cost included."""
    with recorded_statements() as statements:
        response = getattr(client, verb)(url, body)
    assert response.status_code < 500, (verb, url, body)
    return outward(response, str(asked)), statements


Asking = Callable[[object], tuple[str, Any]]


def in_path(route: Route, before: tuple[Any, ...], after: tuple[Any, ...], sent: Any) -> Asking:
    return lambda asked: (route.url(*before, asked, *after), sent)


def in_body(url: str, body: Body, path: tuple[Any, ...]) -> Asking:
    return lambda asked: (url, body.with_id(path, asked))


def in_query(url: str, name: str) -> Asking:
    return lambda asked: (f"{url}?{name}={asked}", None)


def assert_alike(client: Client, verb: str, of: Asking, *foreign: object) -> Any:
    """`of(id)` gives URL and body; foreign ids must answer as a new one does."""
    unknown = uuid.uuid4()
    expected = ask(client, verb, *of(unknown), unknown)
    for each in foreign:
        assert ask(client, verb, *of(each), each) == expected, (verb, of(each))
    return expected[0]


def operation(route: Route, verb: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = document()["paths"].get(route.template, {}).get(verb)
    return found


def body_of(route: Route, verb: str) -> Body | None:
    described = operation(route, verb) or {}
    # Forms carry files, and no ids.
    kinds = described.get("requestBody", {}).get("content", {})
    return Body(kinds[JSON]["schema"]) if JSON in kinds else None


def bodies_with_ids(route: Route) -> dict[str, Body]:
    """By verb, the bodies in which an id may stand; signing in has a test of its own."""
    found = {verb: body_of(route, verb) for verb in ("post", "put", "patch", "delete")}
    return {
        verb: body
        for verb, body in found.items()
        if body and body.leaves and "auth" not in route.path
    }


def query_of(route: Route) -> list[dict[str, Any]]:
    """The parameters of a route's query string."""
    described = operation(route, "get") or {}
    parameters = [resolved(each) for each in described.get("parameters", ())]
    return [each for each in parameters if each["in"] == "query"]


def own_rows(route: Route, side: Side) -> list[tuple[uuid.UUID, ...]]:
    """Ids that fit a route's captured parts: its resource's and its parent's, or all there are."""
    resource_model = getattr(route.view, "resource_model", None)
    if resource_model is None:
        return [(identifier,) for identifier in side.ids]
    model = resource_model()
    row = [side.row[model]] if "pk" in route.names or not route.captured else []
    return [(*([side.parent[model][route.below]] if route.below else []), *row)]


def own_url(route: Route, side: Side) -> str:
    if route.path.endswith("/orders/<pk>/return/"):
        # What is named in its body are the lines of its order.
        return route.url(side.parent[OrderLine]["order"])
    return route.url(*own_rows(route, side)[0]) if route.captured else route.path


def accept(client: Client, verb: str, url: str, body: Body, side: Side) -> None:
    """Put the tenant's own ids into a body, so that it is refused for none of them."""
    for _round in range(3):
        settled = True
        for path in body.leaves:
            if not named(getattr(client, verb)(url, body.value), path):
                continue
            settled = False
            for identifier in side.ids:
                trial = body.with_id(path, identifier)
                if not named(getattr(client, verb)(url, trial), path):
                    body.value = trial
                    break
            else:
                raise AssertionError(f"{verb} {url}: no id of the tenant's own fits {path}")
        if settled:
            return


def named(response: Any, path: tuple[Any, ...]) -> bool:
    """Whether a refusal names this member of the body."""
    if response.status_code != 400:
        return False
    found: Any = response.json()["details"]
    for part in path:
        if not isinstance(found, dict) or str(part) not in found:
            return False
        found = found[str(part)]
    return True


def test_every_route_is_described() -> None:
    """Bodies and parameters are taken from the document: what it omits would go untested."""
    described = {(path, verb) for path, verbs in document()["paths"].items() for verb in verbs}
    offered = set()
    for route in ROUTES:
        if route.path in UNDESCRIBED or route.view is None:
            continue
        allowed = Client().options(route.url(uuid.uuid4())).headers.get("Allow", "")
        assert allowed, route.path
        verbs = {verb.strip().lower() for verb in allowed.split(",")} - {"head", "options"}
        offered |= {(route.template, verb) for verb in verbs}
    assert len(offered) >= 45
    assert offered - described == set()
    unknown = {path for path, _verb in described} - {route.template for route in ROUTES}
    assert unknown == set()


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.captured], ids=lambda route: route.path
)
def test_in_the_path(route: Route, client: Client, here: Side, there: Side) -> None:
    own = own_url(route, here)
    for verb in VERBS:
        whole = body_of(route, verb)
        body = whole.choices()[0] if whole else None
        if body is not None:
            accept(client, verb, own, body, here)
        sent = body.value if body else None
        # Each captured part by itself, what stands before it being the tenant's own; and all.
        mine = own_rows(route, here)[0]
        for at in range(len(route.names)):
            for after, foreign in by_what_follows(own_rows(route, there), at).items():
                asking = in_path(route, mine[:at], after, sent)
                answer = assert_alike(client, verb, asking, *foreign)
                if route.is_platforms:
                    assert answer.status == 403, (verb, answer)
                    continue
                assert answer.status in (404, 405), (verb, answer)
                if operation(route, verb) is not None:
                    assert answer.status == 404, (verb, answer)


def by_what_follows(rows: list[tuple[uuid.UUID, ...]], at: int) -> dict[Any, list[uuid.UUID]]:
    """The ids at one place of a path, by the ids behind it."""
    found: dict[Any, list[uuid.UUID]] = {}
    for row in rows:
        found.setdefault(row[at + 1 :], []).append(row[at])
    return found


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if bodies_with_ids(route)], ids=lambda route: route.path
)
def test_in_the_body(route: Route, client: Client, here: Side, there: Side) -> None:
    url = own_url(route, here)
    for verb, whole in bodies_with_ids(route).items():
        for at, choice in enumerate(whole.choices()):
            spent = [path for path in choice.leaves if path[-1] in USED_UP]
            body = choice.without(*spent) if at else choice
            deliver_orders(here)
            accept(client, verb, url, body, here)
            for path in body.leaves:
                deliver_orders(here)
                sent = body if path in spent else body.without(*({*spent} & {*body.leaves}))
                asking = in_body(url, sent, path)
                answer = assert_alike(client, verb, asking, *there.ids)
                assert answer.status == 400, (verb, path, answer)


def deliver_orders(side: Side) -> None:
    """So that they may be returned, whatever was done to them."""
    with enter(side.shop.tenant.id):
        Order.objects.update(status=Order.Status.DELIVERED)


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if query_of(route)], ids=lambda route: route.path
)
def test_in_the_query(route: Route, client: Client, here: Side, there: Side) -> None:
    url = own_url(route, here)
    for parameter in query_of(route):
        name = parameter["name"]
        narrows = is_id(parameter["schema"]) or name == "ids"
        asking = in_query(url, name)
        answer = assert_alike(client, "get", asking, *there.ids[: None if narrows else 1])
        if route.is_platforms:
            assert answer.status == 403
        elif narrows:
            assert answer.status == 200
            found = answer.body["results"] if "results" in answer.body else answer.body["count"]
            assert not found


def test_words_of_the_neighbour(client: Client, there: Side) -> None:
    """What is named by text and not by id: tags, skus, names."""
    stranger = there.shop.client()
    product = stranger.get("/api/v1/products/").json()["results"][0]
    tag = stranger.get("/api/v1/tags/").json()["results"][0]["name"]
    for parameter, text in (
        ("tags", tag),
        ("search", product["sku"]),
        ("search", product["name"]),
    ):
        url = f"/api/v1/products/?{parameter}="
        found = stranger.get(url + text).json()
        assert found["count"] >= 1
        first = ask(client, "get", url + text, None, text)
        unknown = f"x{uuid.uuid4().hex}"[: len(text)]
        assert first == ask(client, "get", url + unknown, None, unknown)
        assert first[0].body["results"] == []


def test_the_neighbours_tenant_by_name(here: Side, there: Side) -> None:
    """In the sign-in's body and in the header of platform staff."""
    person = here.shop.users["owner"]

    def sign_in(asked: object) -> tuple[str, Any]:
        body = {"username": person.username, "password": PASSWORD, "tenant_id": str(asked)}
        return "/api/auth/token/", body

    assert Client().post(*sign_in(here.shop.tenant.id)).status_code == 200
    assert_alike(Client(), "post", sign_in, there.shop.tenant.id)
    answers = []
    for tenant in (there.shop.tenant.id, uuid.uuid4(), here.shop.tenant.id):
        named = Client(here.shop.token("owner"), HTTP_X_TENANT_ID=str(tenant))
        answers.append(ask(named, "get", "/api/v1/products/", None, tenant))
    assert answers[0][0].status == 403
    assert answers[0] == answers[1] == answers[2]
