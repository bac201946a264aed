"""What is taken away is gone on the next request, whatever the token still says."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from noren_kit.accounts import tokens
from noren_kit.accounts.keys import ALGORITHM, signing_key
from noren_kit.accounts.models import Membership, MembershipRole, Role, SignInSession, User
from noren_kit.accounts.standing import affiliations
from noren_kit.accounts.tasks import remove_stale_sessions
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.shops import Client, Shop, make_superuser

PRODUCTS, ME = "/api/v1/products/", "/api/auth/me/"


def assert_out(client: Client) -> None:
    for url in (PRODUCTS, ME):
        response = client.get(url)
        assert_error(response, 401)
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'


class TestTakenAway:
    def test_membership(self, shop: Shop) -> None:
        client = shop.client("staff")
        assert client.get(PRODUCTS).status_code == 200
        with shop.entered():
            Membership.objects.filter(user=shop.users["staff"]).touch(deleted_at=timezone.now())
        assert_out(client)
        assert affiliations(shop.users["staff"].id) == []

    def test_user(self, shop: Shop) -> None:
        client = shop.client("staff")
        User.objects.filter(id=shop.users["staff"].id).update(is_active=False)
        assert_out(client)

    def test_tenant(self, shop: Shop, neighbour: Shop) -> None:
        client, other = shop.client("owner"), neighbour.client("owner")
        tenants = Tenant.objects.using("platform").filter(id=shop.tenant.id)
        tenants.update(status="suspended")
        assert_out(client)
        assert other.get(PRODUCTS).status_code == 200
        tenants.update(status="active")
        assert client.get(PRODUCTS).status_code == 200

    def test_session(self, shop: Shop) -> None:
        client = shop.client("staff")
        SignInSession.objects.filter(user=shop.users["staff"]).update(
            ended_at=timezone.now(), ending=SignInSession.Ending.SIGNED_OUT
        )
        assert_out(client)

    def test_role(self, shop: Shop) -> None:
        client = shop.client("staff")
        assert client.post("/api/v1/tags/", {"name": "a"}).status_code == 201
        with shop.entered():
            MembershipRole.objects.filter(membership__user=shop.users["staff"]).update(
                role=Role.objects.get(slug="viewer")
            )
        assert_error(client.post("/api/v1/tags/", {"name": "b"}), 403, "permission_denied")
        assert client.get("/api/v1/tags/").status_code == 200

    def test_a_deleted_role(self, shop: Shop) -> None:
        client = shop.client("staff")
        with shop.entered():
            Role.objects.filter(slug="staff").touch(deleted_at=timezone.now())
        assert_error(client.get("/api/v1/tags/"), 403, "permission_denied")


class TestOwnRoles:
    def test_listed_rights_and_no_others(self, shop: Shop) -> None:
        with shop.entered():
            role = Role.objects.create(
                slug="tagger", name="Tagger", permissions=["catalog.view_tag", "catalog.add_tag"]
            )
            MembershipRole.objects.filter(membership__user=shop.users["viewer"]).update(role=role)
        client = shop.client("viewer")
        made = client.post("/api/v1/tags/", {"name": "a"})
        assert made.status_code == 201
        assert client.get("/api/v1/tags/").status_code == 200
        url = f"/api/v1/tags/{made.json()['id']}/"
        assert_error(client.patch(url, {"name": "b"}), 403, "permission_denied")
        assert_error(client.delete(url), 403, "permission_denied")
        assert_error(client.get(PRODUCTS), 403, "permission_denied")


def forged(shop: Shop, key: Any = None, algorithm: str = ALGORITHM, **changes: Any) -> str:
    claims = tokens.decode(shop.token("owner"), "access") | changes
    signing: Any = signing_key().private if key is None else key
    return jwt.encode(
        {name: value for name, value in claims.items() if value is not ...},
        signing,
        algorithm=algorithm,
        headers={"kid": signing_key().kid},
    )


class TestTokens:
    @pytest.mark.parametrize(
        "changes",
        [
            {"exp": 1},
            {"exp": "soon"},
            {"exp": ...},
            {"user_id": "1 OR 1=1"},
            {"user_id": None},
            {"user_id": ...},
            {"user_id": 5},
            {"user_id": ["x"]},
            {"sid": ...},
            {"sid": "x"},
            {"tenant_id": "x"},
            {"tenant_id": 5},
            {"token_type": "refresh"},
            {"token_type": ...},
            {"jti": ...},
        ],
        ids=str,
    )
    def test_signed_but_odd(self, shop: Shop, changes: dict[str, Any]) -> None:
        assert_out(Client(forged(shop, **changes)))

    @pytest.mark.parametrize("expiry", [10**30, 10**400, 253402300800])
    def test_one_that_outlives_all_of_ours(self, shop: Shop, expiry: int) -> None:
        assert_error(Client(forged(shop, exp=expiry)).get(PRODUCTS), 401)

    def test_signed_by_another(self, shop: Shop) -> None:
        assert_out(Client(forged(shop, key=Ed25519PrivateKey.generate())))
        elliptic = ec.generate_private_key(ec.SECP256R1())
        assert_out(Client(forged(shop, key=elliptic, algorithm="ES256")))
        assert_out(Client(forged(shop, key="x" * 64, algorithm="HS256")))
        assert_out(Client(forged(shop, key="", algorithm="none")))

    def test_another_persons_session(self, shop: Shop) -> None:
        """Each claim is true of somebody, the whole of nobody."""
        other = tokens.decode(shop.token("viewer"), "access")
        assert_out(Client(forged(shop, sid=other["sid"])))
        assert_out(Client(forged(shop, user_id=other["user_id"])))

    def test_another_tenant_in_the_claims(self, shop: Shop, neighbour: Shop) -> None:
        for tenant in (str(neighbour.tenant.id), str(uuid.uuid4())):
            assert_out(Client(forged(shop, tenant_id=tenant)))
        without = Client(forged(shop, tenant_id=None))
        assert_error(without.get(PRODUCTS), 403, "permission_denied")

    def test_headers_that_are_no_credential(self, shop: Shop) -> None:
        token = shop.token("owner")
        for value in ("", "Bearer", "Bearer ", f"Bearer {token} x", f"Basic {token}", token, "é"):
            response = Client(HTTP_AUTHORIZATION=value).get(PRODUCTS)
            assert_error(response, 401)
        assert Client(HTTP_AUTHORIZATION=f"bearer {token}").get(PRODUCTS).status_code == 200


class TestPlatformStaff:
    def client(self, tenant: object = None) -> Client:
        user = User.objects.filter(username="platform").first() or make_superuser()
        token = tokens.open_session(user=user, affiliation=None).access
        return Client(token, **({"HTTP_X_TENANT_ID": str(tenant)} if tenant else {}))

    def test_they_name_the_tenant(self, shop: Shop, neighbour: Shop) -> None:
        shop.client().post("/api/v1/tags/", {"name": "here"})
        neighbour.client().post("/api/v1/tags/", {"name": "there"})
        for each, name in ((shop, "here"), (neighbour, "there")):
            client = self.client(each.tenant.id)
            rows = client.get("/api/v1/tags/").json()["results"]
            assert [row["name"] for row in rows] == [name]
            assert client.get(ME).json()["tenant"]["id"] == str(each.tenant.id)
            made = client.post("/api/v1/tags/", {"name": "by platform"}).json()
            assert made["created_by"]["name"] == "platform"

    def test_without_one_they_see_nothing(self, shop: Shop) -> None:
        assert_error(self.client().get("/api/v1/tags/"), 403, "permission_denied")

    def test_an_unknown_tenant(self, shop: Shop) -> None:
        Tenant.objects.using("platform").filter(id=shop.tenant.id).update(status="suspended")
        for tenant in (uuid.uuid4(), shop.tenant.id, "x", "' OR 1=1"):
            response = self.client(tenant).get("/api/v1/tags/")
            assert set(assert_error(response, 400)) == {"X-Tenant-ID"}

    def test_nobody_else_may(self, shop: Shop, neighbour: Shop) -> None:
        answers = []
        for tenant in (neighbour.tenant.id, shop.tenant.id, uuid.uuid4(), "x"):
            for role in ("owner", "viewer"):
                client = Client(shop.token(role), HTTP_X_TENANT_ID=str(tenant))
                answers.append(client.get("/api/v1/tags/"))
            User.objects.filter(id=shop.users["staff"].id).update(is_staff=True)
            answers.append(
                Client(shop.token("staff"), HTTP_X_TENANT_ID=str(tenant)).get("/api/v1/tags/")
            )
        assert {response.status_code for response in answers} == {403}
        assert len({str(outward(response)) for response in answers}) == 1
        anonymous = Client(HTTP_X_TENANT_ID=str(shop.tenant.id)).get("/api/v1/tags/")
        assert_error(anonymous, 403, "permission_denied")


def test_old_sessions_are_removed_and_the_others_kept(shop: Shop) -> None:
    fresh = shop.client("owner")
    now = timezone.now()
    for ended, expires, kept in (
        (None, now - dt.timedelta(days=31), False),
        (now - dt.timedelta(days=31), now, False),
        (now - dt.timedelta(days=29), now, True),
        (None, now - dt.timedelta(days=29), True),
    ):
        SignInSession.objects.create(
            user=shop.users["staff"],
            jti=uuid.uuid4(),
            expires_at=expires,
            ended_at=ended,
            ending="signed_out" if kept else "reused",
        )
    assert remove_stale_sessions() == 2
    assert SignInSession.objects.filter(user=shop.users["staff"]).count() == 2
    assert fresh.get(ME).status_code == 200
