"""What was taken away is refused on the very next request, by whichever process serves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from noren_kit.accounts.models import User
from noren_kit.testing.live import Caller
from noren_kit.testing.shops import PASSWORD, Shop, make_superuser

# Connections are spread over the processes by the kernel: with so many each has some.
CONNECTIONS = 24
API = "/api/v1/"
PRODUCTS = f"{API}products/"


@dataclass
class Scene:
    """A shop on a live server; its staff member is the one who loses something."""

    shop: Shop
    base_url: str

    def owner(self) -> Caller:
        return Caller(self.base_url, self.shop.token("owner"))

    def member_url(self) -> str:
        _status, page = self.owner().get(f"{API}members/?page_size=100")
        wanted = str(self.shop.users["staff"].id)
        found = next(row["id"] for row in page["results"] if row["user"]["id"] == wanted)
        return f"{API}members/{found}/"

    def expect(self, expected: int, answer: tuple[int, Any]) -> Any:
        status, body = answer
        assert status == expected, body
        return body


def disable_user(scene: Scene) -> None:
    User.objects.filter(id=scene.shop.users["staff"].id).update(is_active=False)


def remove_membership(scene: Scene) -> None:
    scene.expect(204, scene.owner().send("DELETE", scene.member_url()))


def suspend_tenant(scene: Scene) -> None:
    user = make_superuser()
    body = {"username": user.username, "password": PASSWORD}
    signed_in = scene.expect(200, Caller(scene.base_url).post("/api/auth/token/", body))
    platform = Caller(scene.base_url, signed_in["access"])
    scene.expect(200, platform.post(f"{API}tenants/{scene.shop.tenant.id}/suspend/"))


@contextmanager
def calling(
    base_url: str, shop: Shop, headers: dict[str, str]
) -> Iterator[tuple[Scene, list[Caller]]]:
    callers = [Caller(base_url) for _ in range(CONNECTIONS)]
    for caller in callers:
        caller.headers.update(headers)
    yield Scene(shop, base_url), callers
    for caller in callers:
        caller.close()


def staff(shop: Shop) -> dict[str, str]:
    """What a request of the shop's staff member carries."""
    return {"Authorization": f"Bearer {shop.token('staff')}"}


def statuses(callers: list[Caller], method: str = "GET") -> set[int]:
    body = {} if method == "POST" else None
    for caller in callers:
        caller.close()  # A new connection each time, so that no idle one is found closed.
    return {caller.send(method, PRODUCTS, body)[0] for caller in callers}


@pytest.mark.parametrize("take_away", [disable_user, remove_membership, suspend_tenant])
def test_of_a_person(four_processes: str, shop: Shop, take_away: Callable[[Scene], None]) -> None:
    with calling(four_processes, shop, staff(shop)) as (scene, callers):
        assert statuses(callers) == {200}
        take_away(scene)
        assert statuses(callers) == {401}


def test_a_changed_role(four_processes: str, shop: Shop) -> None:
    with calling(four_processes, shop, staff(shop)) as (scene, callers):
        assert statuses(callers, method="POST") == {400}, "staff may add: only the body is wrong"
        changed = scene.owner().send("PATCH", scene.member_url(), {"roles": ["viewer"]})
        scene.expect(200, changed)
        assert statuses(callers, method="POST") == {403}
        assert statuses(callers) == {200}


def test_a_revoked_key(four_processes: str, shop: Shop) -> None:
    with calling(four_processes, shop, {}) as (scene, callers):
        body = {"name": "till", "scopes": ["catalog.view_product"]}
        made = scene.expect(201, scene.owner().post(f"{API}api-keys/", body))
        for caller in callers:
            caller.headers["Authorization"] = f"Api-Key {made['secret']}"
        assert statuses(callers) == {200}
        scene.expect(204, scene.owner().send("DELETE", f"{API}api-keys/{made['id']}/"))
        assert statuses(callers) == {401}


def test_a_changed_password(four_processes: str, shop: Shop) -> None:
    with calling(four_processes, shop, staff(shop)) as (scene, callers):
        other = Caller(scene.base_url, shop.token("staff"))
        assert statuses([*callers, other]) == {200}
        body = {"current_password": PASSWORD, "new_password": "another horse battery"}
        scene.expect(204, callers[0].post("/api/auth/password/change/", body))
        assert statuses([*callers, other]) == {401}


def test_a_sign_out(four_processes: str, shop: Shop) -> None:
    with calling(four_processes, shop, staff(shop)) as (scene, callers):
        other = Caller(scene.base_url, shop.token("staff"))
        assert statuses([*callers, other]) == {200}
        scene.expect(204, callers[0].post("/api/auth/logout/", {}))
        assert statuses(callers) == {401}
        assert statuses([other]) == {200}
        scene.expect(204, other.post("/api/auth/logout/all/"))
        assert statuses([other]) == {401}
