"""The served OpenAPI document: complete, exact, current, and shown without any other host."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hostile import PERSONAL, document, operations, resolved
from yaml import CSafeLoader

from noren_kit.accounts import tokens
from noren_kit.testing.shops import Client, Shop, make_superuser

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = ROOT / "docs" / "openapi.yaml"
JSON, PROBLEM = "application/json", "application/problem+json"
Described = tuple[str, str, dict[str, Any]]
# Stated only where a count ended before all were counted.
SOMETIMES = {"PageInfo": {"count_is_minimum"}}


@cache
def written() -> Any:
    return yaml.load(WRITTEN.read_text(), CSafeLoader)


def described() -> list[Described]:
    return [
        (path, method.upper(), operation)
        for path, item in document()["paths"].items()
        for method, operation in item.items()
    ]


def schemas() -> dict[str, Any]:
    found: dict[str, Any] = document()["components"]["schemas"]
    return found


def walk(node: Any, trail: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of the document with the way to it."""
    if isinstance(node, dict):
        yield trail, node
        for name, child in node.items():
            yield from walk(child, f"{trail}/{name}")
    elif isinstance(node, list):
        for at, child in enumerate(node):
            yield from walk(child, f"{trail}/{at}")


def test_written_document_is_current() -> None:
    """`noren schema --check` is what `make check` runs; it also fails on any warning."""
    command = [sys.executable, "-m", "noren.cli", "schema", "--check", str(WRITTEN)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert "Warning" not in done.stderr


def test_check_notices_a_difference(tmp_path: Path) -> None:
    stale = tmp_path / "openapi.yaml"
    stale.write_text(WRITTEN.read_text().replace("title: Noren", "title: Other"))
    command = [sys.executable, "-m", "noren.cli", "schema", "--check", str(stale)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "+  title: Noren" in done.stderr


def test_served_document_is_the_written_one(client: Client) -> None:
    served = client.get("/api/schema/")
    assert served.status_code == 200
    assert served.headers["Content-Type"] == JSON
    assert served.json() == written()
    assert served.json()["openapi"].startswith("3.1.")


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.mark.parametrize(
    "accept",
    [JSON, "application/yaml", "application/vnd.oai.openapi", "application/vnd.oai.openapi+json"],
)
def test_document_in_each_format(client: Client, accept: str) -> None:
    served = client.get("/api/schema/", headers={"Accept": accept, "Accept-Language": "ja"})
    assert served.headers["Content-Type"] == accept
    assert yaml.load(served.content, CSafeLoader) == written()


def test_document_takes_no_parameters(client: Client) -> None:
    assert client.get("/api/schema/", {"lang": "xx"}).status_code == 400


def test_every_route_and_verb_is_described() -> None:
    hidden = {"/api/schema/", "/api/docs/", "/metrics", "/media/{name}"}
    offered = {
        (each.template.replace("{pk}", "{id}"), each.method)
        for each in operations()
        if each.template not in hidden
    }
    assert {(path, method) for path, method, _operation in described()} == offered


def test_every_operation_is_told_in_words() -> None:
    names = [operation["operationId"] for _path, _method, operation in described()]
    assert len(set(names)) == len(names)
    for path, method, operation in described():
        assert re.fullmatch(r"[a-z_]+", operation["operationId"]), operation["operationId"]
        assert 4 <= len(operation["summary"]) <= 80, (method, path)
        assert operation["description"], (method, path)
        assert len(operation["tags"]) == 1, (method, path)


def test_names_that_clients_are_generated_from() -> None:
    """Renaming one of these breaks clients; it needs a reason and a line in the changelog."""
    names = {operation["operationId"] for _path, _method, operation in described()}
    assert {"sign_in", "refresh", "me", "products_list", "products_retrieve", "products_create"} | {
        "products_update",
        "products_partial_update",
        "products_destroy",
        "products_adjust_stock",
        "orders_create",
        "orders_cancel",
    } <= names
    enums = {name for name, schema in schemas().items() if "enum" in schema}
    assert {"ProductStatus", "OrderStatus", "OrderKind", "PaymentStatus", "MovementKind"} <= enums
    assert not [name for name in enums if re.search(r"Enum|[0-9]", name)]


def test_errors_have_the_one_shape() -> None:
    for path, method, operation in described():
        for status, response in operation["responses"].items():
            if status < "400":
                continue
            name = response["$ref"].rpartition("/")[2]
            content = document()["components"]["responses"][name]["content"]
            shapes = {kind: each["schema"]["$ref"] for kind, each in content.items()}
            assert shapes == {
                JSON: "#/components/schemas/Error",
                PROBLEM: "#/components/schemas/Problem",
            }, (method, path, status)


def test_errors_that_can_happen_are_listed() -> None:
    for path, method, operation in described():
        if path.startswith("/health/"):
            continue
        listed = set(operation["responses"])
        assert {"400", "401", "406", "500", "503"} <= listed, (method, path)
        assert ("404" in listed) == ("{" in path or operation["operationId"].endswith("_list"))
        assert {"413", "415"} <= listed or method == "GET", (method, path)
        if path.startswith("/api/v1/"):
            assert "403" in listed, (method, path)
            assert "409" in listed or method == "GET", (method, path)


def test_security() -> None:
    """Resources need a token or a key, what is about oneself or is the platform's a token.

    Probes need none.
    """
    assert document()["components"]["securitySchemes"] == {
        "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "apiKey": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Api-Key` and the key, with a space between.",
        },
    }
    for path, method, operation in described():
        expected: list[dict[str, list[str]]] = [{}]
        if path.startswith("/api/v1/tenants/"):
            expected = [{"accessToken": []}]
        elif path.startswith("/api/v1/") or path == "/api/auth/me/":
            expected = [{"accessToken": []}, {"apiKey": []}]
        elif path.startswith(PERSONAL):
            expected = [{"accessToken": []}]
        assert operation["security"] == expected, (method, path)


def test_requests_are_closed_and_hold_nothing_read_only() -> None:
    bodies = {name: schema for name, schema in schemas().items() if name.endswith("Request")}
    assert len(bodies) >= 10
    for name, schema in bodies.items():
        if "oneOf" in schema:
            continue  # Each of these is one of the others, or a list of them.
        assert schema["additionalProperties"] is False, name
        for member, value in schema["properties"].items():
            assert not value.get("readOnly"), (name, member)
        found = {"id", "created_at", "created_by", "updated_at", "updated_by"} & set(
            schema["properties"]
        )
        # Rows of a bulk call say which they are.
        of_bulk = "id" in schema.get("required", ()) and ("Row" in name or "NewPrice" in name)
        assert found <= ({"id"} if of_bulk else set()), name


def test_answers_state_every_member_as_given() -> None:
    for name, schema in schemas().items():
        if schema.get("type") == "object" and not name.endswith("Request"):
            partial = name.startswith(("Sparse", "Earlier"))
            given = set(schema["properties"]) - SOMETIMES.get(name, set())
            assert partial or set(schema["required"]) == given, name


def test_values_look_as_the_contract_says() -> None:
    """Amounts are decimal strings, times date-times, ids UUIDs; null is a type, as in 3.1."""
    for trail, node in walk(document()):
        assert "nullable" not in node, trail
        kinds = node.get("type")
        if isinstance(kinds, list):
            assert len(set(kinds)) == len(kinds), trail
    product = schemas()["ProductDetail"]["properties"]
    assert product["price"]["type"] == "string"
    assert product["price"]["format"] == "decimal"
    assert product["created_at"]["format"] == "date-time"
    assert product["supplier"]["anyOf"] == [
        {"type": ["string", "null"], "format": "uuid"},
        {"$ref": "#/components/schemas/Supplier"},
    ]
    assert product["category"]["anyOf"] == [
        {"type": "string", "format": "uuid"},
        {"$ref": "#/components/schemas/Category"},
    ]
    written = schemas()["ProductWriteRequest"]["properties"]
    assert written["price"]["type"] == ["string", "number"]
    assert [written["price"]["minimum"], written["price"]["maximum"]] == [0.01, 99999999.99]
    assert written["sku"]["maxLength"] == 50
    items = schemas()["OrderWriteRequest"]["properties"]["items"]
    assert [items["minItems"], items["maxItems"]] == [1, 1_000]


def test_parameters_are_bounded() -> None:
    """Every parameter says what it accepts: a format, a pattern, a length, an enumeration."""
    seen = 0
    for path, method, operation in described():
        for parameter in operation.get("parameters", []):
            schema, where = parameter["schema"], (method, path, parameter["name"])
            bounded = {"format", "pattern", "maxLength", "enum", "maximum"} & set(schema)
            free = schema["type"] == "boolean" or parameter["name"] == "cursor"
            assert bounded or free, where
            assert parameter["in"] != "path" or schema["format"] == "uuid", where
            seen += 1
    assert seen > 60


@cache
def validator(reference: str) -> Any:
    whole = {"$ref": reference, "components": document()["components"]}
    return jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker())


def test_answers_match_and_hide_nothing(shop: Shop) -> None:
    """Real answers hold to the strict schema, and have no member that it does not name."""
    for path, url, status, answer in answers_of(shop):
        method = "get" if status == 200 else "post"
        response = document()["paths"][path][method]["responses"][str(status)]
        schema = response["content"][JSON]["schema"]
        strict = schema["anyOf"][0] if "anyOf" in schema else schema
        faults = [error.message for error in validator(strict["$ref"]).iter_errors(answer)]
        assert not faults, (url, faults)
        if "properties" in resolved(strict):
            assert set(answer) == set(resolved(strict)["properties"]), url


def first(client: Client, path: str) -> str:
    """The id of a list's first row."""
    identifier: str = client.get(f"/api/v1/{path}/").json()["results"][0]["id"]
    return identifier


def answers_of(shop: Shop) -> list[tuple[str, str, int, Any]]:
    """Path, address, status and body: something of everything is made and then shown."""
    client, found, v1 = shop.client(), [], "/api/v1"

    def post(path: str, body: dict[str, Any], template: str = "") -> dict[str, Any]:
        made = client.post(f"{v1}/{path}/", body)
        assert made.status_code == 201, made.json()
        found.append((f"{v1}/{template or path}/", path, 201, made.json()))
        return dict(made.json())

    category = post("categories", {"name": "All"})["id"]
    brand = post("brands", {"name": "A"})["id"]
    supplier = post("suppliers", {"code": "a", "name": "A"})["id"]
    post("tags", {"name": "new"})
    goods = {"name": "Cup", "sku": "1", "price": "10", "stock_quantity": 9, "status": "active"}
    relations = {"category": category, "brand": brand, "supplier": supplier, "tags": ["a", "b"]}
    product = post("products", {**goods, **relations})["id"]
    options = {"size": "L"}
    large = {"name": "L", "sku": "1-L", "stock_quantity": 9, "options": options}
    variant = post(f"products/{product}/variants", large, "products/{product}/variants")["id"]
    spoken = {"rating": 4, "title": "Good", "comment": "Good tea."}
    review = post(f"products/{product}/reviews", spoken, "products/{product}/reviews")["id"]
    client.post(f"{v1}/products/{product}/reviews/{review}/approve/")
    customer = post("customers", {"name": "Aoi"})["id"]
    lines = [{"product_id": product, "quantity": 2}, {"variant_id": variant, "quantity": 1}]
    order = post("orders", {"customer": customer, "items": lines})["id"]
    post("members", {"email": "aoi@example.com", "roles": ["staff"]})
    post("roles", {"slug": "till", "name": "Till", "permissions": ["orders.add_order"]})
    post("api-keys", {"name": "till", "scopes": ["orders.add_order"]})
    token = tokens.open_session(user=make_superuser(), affiliation=None).access
    for path, item in document()["paths"].items():
        ids = {"products": product, "categories": category, "brands": brand, "orders": order}
        ids |= {each: first(client, each) for each in ("members", "roles", "api-keys")}
        ids |= {"tenants": str(shop.tenant.id), "access": first(client, "audit/access")}
        ids |= {"customers": customer, "suppliers": supplier}
        ids |= {"variants": variant, "reviews": review}
        parts = path.split("/")
        resource = parts[parts.index("{id}") - 1] if "{id}" in parts else ""
        if "get" in item and (not resource or resource in ids):
            url = path.replace("{id}", ids.get(resource, "")).replace("{product}", product)
            viewer = Client(token) if "tenants" in parts else client
            shown = viewer.get(url)
            assert shown.status_code == 200, url
            found.append((path, url, 200, shown.json()))
            if "page" in {each["name"] for each in item["get"].get("parameters", [])}:
                found.append((path, f"{url}?cursor=", 200, viewer.get(url, {"cursor": ""}).json()))
    assert len(found) > 30
    return found


def test_swagger_ui_needs_no_other_host(client: Client) -> None:
    page = client.get("/api/docs/")
    assert page.status_code == 200
    html = page.content.decode()
    assert local_addresses(html) >= 4
    script = re.search(r'src="(/api/docs/\?script=[^"]*)"', html)
    assert script is not None
    code = client.get(script[1].replace("&amp;", "&"))
    assert code.headers["Content-Type"].startswith("application/javascript")
    assert 'url: "/api/schema/"' in code.content.decode().replace("\\u002D", "-")
    assert not re.search(r"https?://", code.content.decode())


def local_addresses(html: str) -> int:
    """How many addresses a page loads; each is of this host, and what is static is there."""
    loaded = re.findall(r'(?:src|href)="([^"]+)"', html)
    for address in loaded:
        assert address.startswith("/"), address
        assert not address.startswith("//"), address
        if address.startswith("/static/"):
            assert Client().get(address).status_code == 200, address
    assert not re.search(r"https?://(?!www\.w3\.org)", html)
    return len(loaded)
