"""Requests of the access table: who asks, for which object, and with what body."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from django.contrib.auth.tokens import default_token_generator
from hostile import Operation

from noren_kit.accounts import api_keys, tokens
from noren_kit.accounts.models import ApiKey, User
from noren_kit.accounts.provisioning import add_member
from noren_kit.accounts.standing import affiliations
from noren_kit.api.registry import known_rights
from noren_kit.audit.models import AccessEntry
from noren_kit.audit.recording import record
from noren_kit.core.ids import uuid7
from noren_kit.files.keeping import keep_file
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.shops import PASSWORD, Client, Shop, make_shop, make_superuser
from store import Store

CALLERS = (
    "anonymous",
    "roleless",  # A member without a role.
    "viewer",
    "staff",
    "manager",
    "owner",
    "key",  # Of the owner, with every scope.
    "bare_key",  # Of the owner, without any.
    "stranger",  # The owner of another tenant.
    "suspended",  # The owner of a tenant that is suspended.
    "disabled",  # A member whose account is.
    "platform",  # A superuser inside the tenant.
)
NEW_PASSWORD = "another horse battery"
_numbers = itertools.count(1)


class Callers:
    """A client for each kind of caller; sessions are new each time, for some routes end them."""

    def __init__(self, shop: Shop, neighbour: Shop) -> None:
        self.shop, self.neighbour = shop, neighbour
        self.superuser = make_superuser()
        self.closed = make_shop()
        self.closed_token = self.closed.token("owner")
        Tenant.objects.using("platform").filter(id=self.closed.tenant.id).update(
            status=Tenant.Status.SUSPENDED
        )
        self.roleless, disabled = (self._member(roles) for roles in ([], ["owner"]))
        self.disabled_token = self._token(disabled)
        User.objects.filter(id=disabled.id).update(is_active=False)
        self.keys = {"key": self._key(sorted(known_rights())), "bare_key": self._key([])}

    def _member(self, roles: list[str]) -> User:
        user = User.objects.create_user(f"member-{next(_numbers)}", PASSWORD)
        with self.shop.entered():
            add_member(user=user, roles=roles)
        return user

    def _key(self, scopes: list[str]) -> str:
        secret = api_keys.new_secret()
        with self.shop.entered():
            ApiKey.objects.create(
                name="key", prefix=secret.prefix, digest=secret.digest, scopes=scopes
            )
        return secret.text

    def _token(self, user: User) -> str:
        [affiliation] = affiliations(user.id)
        return tokens.open_session(user=user, affiliation=affiliation).access

    def platform(self, **headers: str) -> Client:
        token = tokens.open_session(user=self.superuser, affiliation=None).access
        return Client(token, **headers)

    def client(self, caller: str) -> Client:
        if caller == "anonymous":
            return Client()
        if caller in self.keys:
            return Client(HTTP_AUTHORIZATION=f"Api-Key {self.keys[caller]}")
        if caller == "platform":
            return self.platform(HTTP_X_TENANT_ID=str(self.shop.tenant.id))
        token = {
            "roleless": lambda: self._token(self.roleless),
            "stranger": lambda: self.neighbour.token("owner"),
            "suspended": lambda: self.closed_token,
            "disabled": lambda: self.disabled_token,
        }.get(caller, lambda: self.shop.token(caller))
        return Client(token())


class Requests:
    """Sends an operation with an object made for it and a body that an owner may send.

    What was refused changed nothing, so the next caller is given the same.
    """

    def __init__(self, shop: Shop, platform: Client) -> None:
        self.shop, self.platform = shop, platform
        self._untouched: dict[str, tuple[str, Any]] = {}
        store = self.store = Store(shop)
        # What makes an object, by the path up to its id.
        self.objects: dict[str, Callable[[], Any]] = {
            "/api/v1/products/": store.product,
            "/media/": self._file,
            "/api/v1/categories/": store.category,
            "/api/v1/brands/": lambda: store.post("brands/", self._named()),
            "/api/v1/suppliers/": lambda: store.post("suppliers/", self._coded()),
            "/api/v1/tax-classes/": lambda: store.post("tax-classes/", self._coded()),
            "/api/v1/tags/": lambda: store.post("tags/", self._named()),
            "/api/v1/customers/": store.customer,
            "/api/v1/orders/": lambda: store.order((store.product(), 1)),
            "/api/v1/reservations/": lambda: store.post("reservations/", self._reservation()),
            "/api/v1/members/": self._member,
            "/api/v1/roles/": lambda: store.post("roles/", self._role()),
            "/api/v1/api-keys/": lambda: store.post("api-keys/", self._key()),
            "/api/v1/tenants/": lambda: self.platform.post(
                "/api/v1/tenants/", self._tenant()
            ).json(),
            "/api/v1/audit/": self._change,
            "/api/v1/audit/access/": self._entry,
            "/api/auth/invitations/": self._invitation,
        }
        # What makes an object below another.
        self.nested: dict[str, Callable[[dict[str, Any]], Any]] = {
            "variants": store.variant,
            "reviews": self._approved_review,
        }
        # What makes an object that the rest of the path may be asked of.
        self.prepared: dict[str, Callable[[], Any]] = {
            "/api/v1/orders/{pk}/ship/": lambda: self._order("confirm"),
            "/api/v1/orders/{pk}/deliver/": lambda: self._order("confirm", "ship"),
            "/api/v1/orders/{pk}/return/": lambda: self._order("confirm", "ship"),
            "/api/v1/orders/{pk}/refund/": lambda: self._order("pay"),
        }
        self.bodies: dict[str, Callable[[], Any]] = {
            "POST /api/v1/products/": self._product,
            "PUT /api/v1/products/{pk}/": self._product_change,
            "PATCH /api/v1/products/{pk}/": lambda: {"name": "Sencha"},
            "POST /api/v1/products/bulk_price_update/": lambda: [
                {"id": store.product()["id"], "price": "1000"}
            ],
            "POST /api/v1/products/{pk}/adjust_stock/": lambda: {"delta": 1, "reason": "found"},
            "POST /api/v1/products/{product}/variants/": self._variant,
            "PUT /api/v1/products/{product}/variants/{pk}/": self._variant,
            "POST /api/v1/products/{product}/variants/{pk}/adjust_stock/": lambda: {
                "delta": 1,
                "reason": "found",
            },
            "POST /api/v1/products/{product}/reviews/": lambda: {"rating": 5},
            "PUT /api/v1/products/{product}/reviews/{pk}/": lambda: {"rating": 4},
            "PATCH /api/v1/products/{product}/reviews/{pk}/": lambda: {"rating": 4},
            "POST /api/v1/products/{product}/reviews/{pk}/approve/": lambda: None,
            "POST /api/v1/products/{product}/reviews/{pk}/reject/": lambda: None,
            "POST /api/v1/suppliers/": self._coded,
            "PUT /api/v1/suppliers/{pk}/": self._coded,
            "POST /api/v1/tax-classes/": self._coded,
            "PUT /api/v1/tax-classes/{pk}/": self._coded,
            "POST /api/v1/customers/": self._named,
            "POST /api/v1/orders/": lambda: store.order_body((store.product(), 1)),
            "POST /api/v1/orders/{pk}/cancel/": lambda: None,
            "POST /api/v1/orders/{pk}/confirm/": lambda: None,
            "POST /api/v1/orders/{pk}/ship/": lambda: None,
            "POST /api/v1/orders/{pk}/deliver/": lambda: None,
            "POST /api/v1/orders/{pk}/pay/": lambda: {"amount": "1", "reference": "x"},
            "POST /api/v1/orders/{pk}/refund/": lambda: {"amount": "1", "reason": "x"},
            "POST /api/v1/orders/{pk}/return/": lambda: {"restock": True, "reason": "x"},
            "POST /api/v1/reservations/": self._reservation,
            "POST /api/v1/reservations/{pk}/release/": lambda: None,
            "POST /api/v1/members/": self._guest,
            "PATCH /api/v1/members/{pk}/": lambda: {"roles": ["viewer"]},
            "POST /api/v1/roles/": self._role,
            "POST /api/v1/api-keys/": self._key,
            "POST /api/v1/api-keys/{pk}/rotate/": dict,
            "POST /api/v1/tenants/": self._tenant,
            "POST /api/v1/tenants/{pk}/suspend/": lambda: None,
            "POST /api/v1/tenants/{pk}/resume/": lambda: None,
            "POST /api/auth/token/": self._credentials,
            "POST /api/auth/token/refresh/": self._refresh,
            "POST /api/auth/token/verify/": lambda: {"token": shop.token("staff")},
            "POST /api/auth/logout/": dict,
            "POST /api/auth/logout/all/": lambda: None,
            "POST /api/auth/switch/": lambda: {"tenant_id": str(shop.tenant.id)},
            "POST /api/auth/password/change/": lambda: {
                "current_password": PASSWORD,
                "new_password": NEW_PASSWORD,
            },
            "POST /api/auth/password/reset/": lambda: {"email": shop.users["staff"].email},
            "POST /api/auth/password/reset/confirm/": self._reset,
            "POST /api/auth/invitations/{pk}/accept/": lambda: None,
            "POST /api/auth/invitations/{pk}/decline/": lambda: None,
        }

    def send(self, operation: Operation, client: Client) -> Any:
        name = str(operation)
        made = self._untouched.pop(name, None)
        path, body = made or self._made(operation)
        if body is None:
            response = client.generic(operation.method, path)
        else:
            response = getattr(client, operation.method.lower())(path, body)
        if response.status_code >= 400 or operation.method == "GET":
            self._untouched[name] = (path, body)
        return response

    def _made(self, operation: Operation) -> tuple[str, Any]:
        """A path and a body, with the objects that they are about."""
        if operation.template.endswith("/bulk/"):
            return self._bulk(operation)
        path = self._path(operation.template)
        if path.endswith("/restore/"):
            gone = self.store.client.delete(path.removesuffix("restore/"))
            assert gone.status_code == 204, gone.json()
        return path, self.body(operation)

    def _bulk(self, operation: Operation) -> tuple[str, Any]:
        template = operation.template.removesuffix("bulk/")
        head, is_nested, rest = template.partition("{")
        tail = rest.partition("}")[2]
        parent = self.objects[head]() if is_nested else None
        path = f"{head}{parent['id']}{tail}" if parent else head
        if operation.method == "POST":
            return f"{path}bulk/", [self.bodies.get(f"POST {template}", self._named)()]
        made = self.nested[tail.split("/")[1]](parent) if parent else self.objects[head]()
        return f"{path}bulk/", [{"id": made["id"]}]

    def _path(self, template: str) -> str:
        """The path of an object made for it, below a new parent where it stands below one."""
        if "{" not in template:
            return template
        head, _open, rest = template.partition("{")
        name, _close, tail = rest.partition("}")
        made = self.prepared.get(template, self.objects[head])()
        path = f"{head}{made['id']}{tail}"
        if name == "pk" or "{pk}" not in path:
            return path
        return path.replace("{pk}", self.nested[tail.split("/")[1]](made)["id"])

    def _approved_review(self, product: dict[str, Any]) -> dict[str, Any]:
        path = f"products/{product['id']}/reviews/"
        review = self.store.post(path, {"rating": 5})
        return self.store.post(f"{path}{review['id']}/approve/", None, 200)

    def _file(self) -> dict[str, Any]:
        with self.shop.entered():
            return {"id": keep_file(b"\xff", kind="products", row=uuid7(), extension="jpg")}

    def _variant(self) -> dict[str, Any]:
        return {"name": "Large", "sku": f"W{next(_numbers)}"}

    def body(self, operation: Operation) -> Any:
        if operation.method in ("GET", "DELETE") or operation.template.endswith("/restore/"):
            return None
        return self.bodies.get(str(operation), self._named)()

    @staticmethod
    def _named() -> dict[str, Any]:
        return {"name": f"N{next(_numbers)}"}

    def _coded(self) -> dict[str, Any]:
        return {**self._named(), "code": f"c{next(_numbers)}"}

    def _product(self) -> dict[str, Any]:
        category = self.store.category()["id"]
        return {"name": "Tea", "sku": f"P{next(_numbers)}", "price": "100", "category": category}

    def _reservation(self) -> dict[str, Any]:
        items = [{"product_id": self.store.product()["id"], "quantity": 1}]
        return {"items": items, "expires_in": 600}

    def _order(self, *actions: str) -> dict[str, Any]:
        """An order to which these things have happened."""
        order = self.store.order((self.store.product(), 1))
        for action in actions:
            body = self.bodies[f"POST /api/v1/orders/{{pk}}/{action}/"]()
            order = self.store.post(f"orders/{order['id']}/{action}/", body, 200)
        return order

    def _product_change(self) -> dict[str, Any]:
        return {**self._product(), "status": "draft"}

    def _credentials(self) -> dict[str, Any]:
        return {"username": self.store.shop.users["staff"].username, "password": PASSWORD}

    def _member(self) -> dict[str, Any]:
        user = User.objects.create_user(f"colleague-{next(_numbers)}", PASSWORD)
        with self.shop.entered():
            return {"id": add_member(user=user, roles=["viewer"]).id}

    @staticmethod
    def _guest() -> dict[str, Any]:
        return {"email": f"guest-{next(_numbers)}@example.com", "roles": ["viewer"]}

    def _role(self) -> dict[str, Any]:
        permissions = ["catalog.view_product"]
        return {**self._named(), "slug": f"r{next(_numbers)}", "permissions": permissions}

    def _key(self) -> dict[str, Any]:
        return {**self._named(), "scopes": ["catalog.view_product"]}

    def _tenant(self) -> dict[str, Any]:
        return {**self._named(), "slug": f"t{next(_numbers)}"}

    def _change(self) -> dict[str, Any]:
        """Of a brand, which a manager sees and a stranger does not."""
        brand = self.store.post("brands/", self._named())
        found = self.store.get("audit/", row_id=brand["id"])["results"]
        return {"id": found[0]["id"]}

    def _entry(self) -> dict[str, Any]:
        with self.shop.entered():
            record(AccessEntry.Kind.SIGNED_OUT)
            return {"id": AccessEntry.objects.latest("id").id}

    def _invitation(self) -> dict[str, Any]:
        return self.store.post("members/", self._guest())

    @staticmethod
    def _reset() -> dict[str, Any]:
        user = User.objects.create_user(f"forgetful-{next(_numbers)}", PASSWORD)
        token = default_token_generator.make_token(user)
        return {"uid": str(user.id), "token": token, "new_password": NEW_PASSWORD}

    def _refresh(self) -> dict[str, Any]:
        answer = Client().post("/api/auth/token/", self._credentials())
        return {"refresh": answer.json()["refresh"]}
