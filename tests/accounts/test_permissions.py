"""Permission classes over HTTP: by role, composed, and what is refused where nothing is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings
from django.urls import include, path
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from noren.catalog.serializers import TagSerializer
from noren_kit.accounts import tokens
from noren_kit.accounts.permissions import (
    HasRole,
    OwnerOrReadOnly,
    ResourcePermission,
    SignedIn,
    TenantMember,
)
from noren_kit.accounts.provisioning import add_member
from noren_kit.accounts.rights import LADDER
from noren_kit.api.routers import ResourceRouter
from noren_kit.api.viewsets import ResourceViewSet
from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import Client, Shop, make_superuser
from store import API, Store


class Answer(APIView):
    """Says nothing of who may."""

    def get(self, request: Request) -> Response:
        return Response({})


class Open(Answer):
    permission_classes = []


class Managers(Answer):
    permission_classes = [HasRole("manager")]


class NotOwners(Answer):
    permission_classes = [HasRole("manager") & ~HasRole("owner")]


class BuyersOrOwners(Answer):
    permission_classes = [HasRole("buyer") | HasRole("owner")]


class Anyone(Answer):
    permission_classes = [SignedIn]


class Labels(ResourceViewSet):
    """Tags with actions that name no right."""

    serializer_class = TagSerializer
    action_rights = {"mapped": "catalog.view_tag"}

    @action(detail=False, methods=["get", "post"])
    def unmapped(self, request: Request) -> Response:
        return Response({})

    @action(detail=True, methods=["post"])
    def unmapped_row(self, request: Request, pk: str) -> Response:
        return Response({})

    @action(detail=False, methods=["get"])
    def mapped(self, request: Request) -> Response:
        return Response({})

    @action(detail=False, methods=["get"], permission_classes=[HasRole("manager")])
    def by_role(self, request: Request) -> Response:
        return Response({})


class Notes(ResourceViewSet):
    """Tags that their makers and managers change."""

    serializer_class = TagSerializer
    permission_classes = [ResourcePermission & (HasRole("manager") | OwnerOrReadOnly)]


class Nothing(ResourceViewSet):
    """Not even a serializer."""


class Routes:
    """A root URLconf of this module."""

    router = ResourceRouter()
    router.resource("labels", Labels)
    router.resource("notes", Notes)
    router.resource("nothing", Nothing)
    urlpatterns = [
        path("", include(router.urls)),
        path("answer/", Answer.as_view()),
        path("open/", Open.as_view()),
        path("managers/", Managers.as_view()),
        path("not-owners/", NotOwners.as_view()),
        path("buyers-or-owners/", BuyersOrOwners.as_view()),
        path("anyone/", Anyone.as_view()),
    ]


@pytest.fixture
def routes() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=Routes):
        yield


def passing(shop: Shop, url: str) -> list[str]:
    found = []
    for role in shop.users:
        response = shop.client(role).get(url)
        if response.status_code == 200:
            found.append(role)
        else:
            assert_error(response, 403, "permission_denied")
    assert_error(Client().get(url), 401)
    return found


def platform_client(shop: Shop | None = None) -> Client:
    token = tokens.open_session(user=make_superuser(), affiliation=None).access
    return Client(token, **({"HTTP_X_TENANT_ID": str(shop.tenant.id)} if shop else {}))


@pytest.mark.usefixtures("routes")
class TestRoles:
    def test_the_ladder(self, shop: Shop) -> None:
        shop.hire("buyer", ["catalog.delete_product"])
        assert passing(shop, "/managers/") == ["manager", "owner"]

    def test_composed(self, shop: Shop) -> None:
        shop.hire("buyer", [])
        assert passing(shop, "/not-owners/") == ["manager"]
        assert passing(shop, "/buyers-or-owners/") == ["owner", "buyer"]
        assert passing(shop, "/anyone/") == [*LADDER, "buyer"]

    def test_platform_staff_inside_a_tenant(self, shop: Shop) -> None:
        client = platform_client(shop)
        for url in ("/managers/", "/buyers-or-owners/", "/labels/mapped/", "/labels/by_role/"):
            assert client.get(url).status_code == 200, url
        assert_error(client.get("/labels/unmapped/"), 403, "permission_denied")

    def test_platform_staff_outside_of_one(self, shop: Shop) -> None:
        client = platform_client()
        assert_error(client.get("/managers/"), 403, "permission_denied")
        assert client.get("/anyone/").status_code == 200

    def test_another_tenants_manager(self, shop: Shop, neighbour: Shop) -> None:
        """A role counts in the tenant that gave it."""
        person = shop.users["viewer"]
        neighbour.users["visitor"] = person
        with neighbour.entered():
            add_member(user=person, roles=["owner"])
        assert_error(shop.client("viewer").get("/managers/"), 403, "permission_denied")
        assert neighbour.client("visitor").get("/managers/").status_code == 200

    def test_they_are_classes_with_names(self) -> None:
        assert HasRole("manager") is HasRole("manager")
        assert issubclass(HasRole("manager"), TenantMember)
        assert HasRole("manager").__name__ == 'HasRole("manager")'


@pytest.mark.usefixtures("routes")
class TestOwnerOrReadOnly:
    def test_the_maker_and_managers_change_and_all_read(self, shop: Shop) -> None:
        maker = shop.client("staff")
        url = f"/notes/{maker.post('/notes/', {'name': 'a'}).json()['id']}/"
        other = shop.hire("clerk", ["catalog.view_tag", "catalog.change_tag"])
        assert other.get(url).json()["name"] == "a"
        assert_error(other.patch(url, {"name": "b"}), 403, "permission_denied")
        assert_error(other.put(url, {"name": "b"}), 403, "permission_denied")
        assert other.get(url).json()["name"] == "a"
        for client, name in ((maker, "c"), (shop.client("manager"), "d")):
            assert client.patch(url, {"name": name}).json()["name"] == name
        assert_error(maker.delete(url), 403, "permission_denied")
        assert_error(shop.client("viewer").patch(url, {"name": "e"}), 403, "permission_denied")
        assert_error(Client().get(url), 401)


@pytest.mark.usefixtures("routes")
class TestRefused:
    def test_an_action_without_a_right(self, shop: Shop) -> None:
        client = shop.client("owner")
        row = client.post("/labels/", {"name": "a"}).json()["id"]
        for response in (
            client.get("/labels/unmapped/"),
            client.post("/labels/unmapped/", {}),
            client.post(f"/labels/{row}/unmapped_row/", {}),
        ):
            assert_error(response, 403, "permission_denied")
        assert client.get("/labels/mapped/").status_code == 200
        assert client.get("/labels/by_role/").status_code == 200
        assert_error(shop.client("staff").get("/labels/by_role/"), 403, "permission_denied")
        assert_error(client.delete("/labels/unmapped/"), 405)

    def test_a_view_that_says_nothing(self, shop: Shop) -> None:
        for client in (shop.client("owner"), platform_client(shop)):
            for url in ("/answer/", "/nothing/"):
                assert_error(client.get(url), 403, "permission_denied")
        assert_error(Client().get("/answer/"), 401)

    def test_the_system_checks_name_them(self) -> None:
        found = sorted((str(each.id), str(each.msg)) for each in run_checks())
        assert {code for code, _text in found} == {"noren.E006", "noren.E007"}
        text = "\n".join(message for _code, message in found)
        named = {message.split(" ")[0].rpartition(".")[2] for _code, message in found}
        assert named == {"Answer", "Labels", "Nothing", "Open"}
        assert "the action unmapped:" in text
        assert "the action unmapped_row:" in text
        assert "the action mapped:" not in text
        assert "the action by_role:" not in text
        assert "Open (open/) has no permission classes" in text


def _requests(store: Store) -> dict[str, tuple[str, str, Any]]:
    """One request for each right over products."""
    product, category = store.product(), store.category()["id"]
    row = f"{API}products/{product['id']}/"
    body = {"name": "x", "sku": "x", "price": "1", "category": category}
    return {
        "catalog.view_product": ("get", row, None),
        "catalog.add_product": ("post", f"{API}products/", body),
        "catalog.change_product": ("patch", row, {"name": "y"}),
        "inventory.view_stockmovement": ("get", f"{row}stock_movements/", None),
        "inventory.change_stockitem": (
            "post",
            f"{row}adjust_stock/",
            {"delta": 1, "reason": "found"},
        ),
        "catalog.view_category": ("get", f"{API}categories/{category}/", None),
        "catalog.delete_product": ("delete", row, None),
    }


def test_nothing_opens_by_a_right_that_nobody_asks_for(shop: Shop) -> None:
    client = shop.hire("own", ["catalog.unheard_of", "*", "catalog.*"])
    for verb, url, body in _requests(Store(shop)).values():
        assert_error(getattr(client, verb)(url, body), 403, "permission_denied")


def test_one_right_opens_its_action_alone(shop: Shop) -> None:
    requests = _requests(Store(shop))
    for number, held in enumerate(requests):
        client = shop.hire(f"own-{number}", [held])
        others = [right for right in requests if right != held]
        for right in others:
            verb, url, body = requests[right]
            assert_error(getattr(client, verb)(url, body), 403, "permission_denied")
        verb, url, body = requests[held]
        assert getattr(client, verb)(url, body).status_code in (200, 201, 204), held
