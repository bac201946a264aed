"""The restore drill: what was lost is there again, row for row, and the shops go on."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from psycopg import sql

from noren_kit.backup.checksums import sums_of, tables_of
from noren_kit.backup.folders import DIGEST, MANIFEST, BackupError
from noren_kit.backup.tenant import back_up_tenant, restore_tenant
from noren_kit.backup.whole import back_up, restore
from noren_kit.testing.live import live_server
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import Shop
from store import API, Store


def backup_url() -> str:
    return os.environ["DATABASE_BACKUP_URL"]


def sums(admin: str, database: str) -> dict[str, dict[str, list[Any]]]:
    """By tenant: what all its rows come to."""
    with psycopg.connect(admin, dbname=database) as connection:
        found = sums_of(connection, tables_of(connection))
    owners = {owner for by_owner in found.values() for owner in by_owner}
    return {
        owner: {table: by_owner[owner] for table, by_owner in found.items() if owner in by_owner}
        for owner in owners
    }


def lose(owner: OwnerConnection, tenant: Any, people: list[Any] | None = None) -> None:
    """All rows of a tenant are gone, as if they had never been."""
    assert owner.admin is not None
    with owner.admin.transaction():
        owner.admin.execute("SET LOCAL session_replication_role = replica")
        for table in tables_of(owner.admin):
            if table.has_tenants:
                owner.admin.execute(
                    sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(
                        sql.Identifier(table.name)
                    ),
                    [tenant],
                )
        owner.admin.execute("DELETE FROM tenancy_tenant WHERE id = %s", [tenant])
        owner.admin.execute("DELETE FROM accounts_user WHERE id = ANY(%s)", [people or []])


def test_a_lost_database(
    stores: list[Store],
    shop: Shop,
    admin: str,
    here: str,
    empty: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, shown = sums(admin, here), stores[0].get("orders/")
    made = back_up(backup_url(), folder)
    assert set(made.tenants.values()) == {"hanabi", "kawa"}
    restore(admin, empty, folder)
    assert sums(admin, empty) == before
    for name, value in os.environ.items():
        if name.startswith("DATABASE_") and value.endswith(f"/{here}"):
            monkeypatch.setenv(name, f"{value.removesuffix(here)}{empty}")
    with live_server() as base:
        headers = {"Authorization": f"Bearer {shop.token('owner')}"}
        # The token's session was opened in the lost database after the backup.
        assert requests.get(f"{base}{API}orders/", headers=headers, timeout=10).status_code == 401
        signed_in = requests.post(
            f"{base}/api/auth/token/",
            json={"username": shop.users["owner"].username, "password": "correct horse battery"},
            timeout=10,
        )
        assert signed_in.status_code == 200, signed_in.text
        headers = {"Authorization": f"Bearer {signed_in.json()['access']}"}
        orders = requests.get(f"{base}{API}orders/", headers=headers, timeout=10).json()
        assert orders["results"] == shown["results"]
        product = stores[0].get("products/")["results"][0]["id"]
        again = {
            "customer": orders["results"][0]["customer"],
            "items": [{"product_id": product, "quantity": 1}],
        }
        placed = requests.post(f"{base}{API}orders/", json=again, headers=headers, timeout=10)
        assert placed.status_code == 201, placed.text
        assert placed.json()["order_number"].endswith("-000002")


def test_a_lost_tenant(
    stores: list[Store], shop: Shop, owner: OwnerConnection, admin: str, here: str, folder: Path
) -> None:
    before = sums(admin, here)
    listed = stores[0].get("orders/")
    changes = stores[0].get("audit/", page_size=100)["count"]
    back_up_tenant(backup_url(), "hanabi", folder)
    lose(owner, shop.tenant.id, [user.id for user in shop.users.values()])
    assert str(shop.tenant.id) not in sums(admin, here)
    assert stores[0].client.get(f"{API}orders/").status_code == 401
    restore_tenant(admin, here, folder)
    assert sums(admin, here) == before
    assert stores[0].get("orders/")["results"] == listed["results"]
    assert stores[0].get("audit/", page_size=100)["count"] == changes
    order = stores[0].order((stores[0].product(), 1))
    assert order["order_number"].endswith("-000002")


def test_a_tenant_as_it_was(
    stores: list[Store], shop: Shop, admin: str, here: str, folder: Path
) -> None:
    before = sums(admin, here)
    back_up_tenant(backup_url(), "hanabi", folder)
    stores[0].order((stores[0].product(), 1))
    changed = sums(admin, here)
    with pytest.raises(BackupError, match="holds rows of this tenant"):
        restore_tenant(admin, here, folder)
    assert sums(admin, here) == changed
    restore_tenant(admin, here, folder, replace=True)
    assert sums(admin, here) == before
    # Nothing that was kept since is taken for the present.
    assert stores[0].get("orders/")["count"] == 1


def test_a_tenant_goes_to_another_database(
    stores: list[Store], shop: Shop, admin: str, here: str, empty: str, folder: Path
) -> None:
    back_up(backup_url(), folder / "whole")
    restore(admin, empty, folder / "whole")
    back_up_tenant(backup_url(), "hanabi", folder / "one")
    with OwnerOf(admin, empty) as other:
        lose(other, shop.tenant.id, [user.id for user in shop.users.values()])
    restore_tenant(admin, empty, folder / "one")
    assert sums(admin, empty) == sums(admin, here)


@pytest.mark.parametrize("lost", [True, False])
def test_a_slug_that_another_tenant_has_taken(
    stores: list[Store],
    shop: Shop,
    neighbour: Shop,
    owner: OwnerConnection,
    admin: str,
    here: str,
    folder: Path,
    lost: bool,
) -> None:
    back_up_tenant(backup_url(), "hanabi", folder)
    assert owner.admin is not None
    rename = "UPDATE tenancy_tenant SET slug = %s WHERE id = %s"
    if lost:
        lose(owner, shop.tenant.id)
    else:
        owner.admin.execute(rename, ["hanabi-2", shop.tenant.id])
    owner.admin.execute(rename, ["hanabi", neighbour.tenant.id])
    before = sums(admin, here)
    with pytest.raises(BackupError, match=f"Tenant {neighbour.tenant.id} has the slug hanabi"):
        restore_tenant(admin, here, folder, replace=not lost)
    assert sums(admin, here) == before
    owner.admin.execute(rename, ["kawa", neighbour.tenant.id])
    restore_tenant(admin, here, folder, replace=not lost)


class OwnerOf:
    """`lose`'s way into another database."""

    def __init__(self, admin: str, database: str) -> None:
        self.admin = psycopg.connect(admin, dbname=database, autocommit=True)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_error: object) -> None:
        self.admin.close()


def test_backups_of_one_moment(stores: list[Store], folder: Path) -> None:
    made = back_up(backup_url(), folder)
    stored = json.loads((folder / MANIFEST).read_text())
    assert stored["sums"] == made.sums
    assert oct(folder.stat().st_mode)[-3:] == "700"


@pytest.mark.parametrize("kind", ["whole", "tenant"])
def test_damaged_files_are_refused(
    stores: list[Store], admin: str, here: str, folder: Path, kind: str
) -> None:
    if kind == "whole":
        back_up(backup_url(), folder)
        file = folder / "database.dump"
    else:
        back_up_tenant(backup_url(), "hanabi", folder)
        file = folder / "orders_order.zst"
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)
    bring = restore if kind == "whole" else restore_tenant
    with pytest.raises(BackupError, match="is damaged"):
        bring(admin, here, folder)
    file.unlink()
    with pytest.raises(BackupError, match="is missing"):
        bring(admin, here, folder)
    (folder / MANIFEST).unlink()
    with pytest.raises(BackupError, match="holds no backup"):
        bring(admin, here, folder)


def altered(manifest: bytes) -> bytes:
    """One row more is said to have been there; otherwise as good a manifest as before."""
    changed = re.sub(rb'("sums": {\s+"\w+": {\s+"[^"]*": \[\s+)\d+', rb"\g<1>12345", manifest)
    assert json.loads(changed) != json.loads(manifest)
    return changed


@pytest.mark.parametrize("damage", [altered, lambda raw: raw[: len(raw) // 2], lambda raw: b""])
def test_a_damaged_manifest_is_refused(
    stores: list[Store], admin: str, here: str, folder: Path, damage: Callable[[bytes], bytes]
) -> None:
    back_up_tenant(backup_url(), "hanabi", folder)
    file, before = folder / MANIFEST, sums(admin, here)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    with pytest.raises(BackupError, match=r"manifest\.json is damaged"):
        restore_tenant(admin, here, folder, replace=True)
    file.write_bytes(whole)
    digest = folder / DIGEST
    line = digest.read_text()
    digest.write_text("")
    with pytest.raises(BackupError, match=r"manifest\.json is damaged"):
        restore_tenant(admin, here, folder, replace=True)
    digest.unlink()
    with pytest.raises(BackupError, match=r"manifest\.json\.sha256 is missing"):
        restore_tenant(admin, here, folder, replace=True)
    assert sums(admin, here) == before
    digest.write_text(line)
    restore_tenant(admin, here, folder, replace=True)


def test_a_manifest_is_checked_without_us_too(stores: list[Store], folder: Path) -> None:
    back_up(backup_url(), folder)
    subprocess.run(["sha256sum", "--check", "--strict", DIGEST], cwd=folder, check=True)


def test_what_is_refused(stores: list[Store], admin: str, here: str, folder: Path) -> None:
    with pytest.raises(BackupError, match="does not see all rows"):
        back_up(os.environ["DATABASE_URL"], folder)
    with pytest.raises(BackupError, match="There is no tenant"):
        back_up_tenant(backup_url(), "nobody", folder)
    assert list(folder.parent.iterdir()) == []
    back_up(backup_url(), folder)
    with pytest.raises(BackupError, match="is there already"):
        back_up(backup_url(), folder)
    with pytest.raises(BackupError, match="holds tables"):
        restore(admin, here, folder)
    with pytest.raises(BackupError, match="of a whole database"):
        restore_tenant(admin, here, folder)
    with pytest.raises(BackupError, match="takes a superuser"):
        restore(backup_url(), here, folder)


@pytest.fixture
def other_release(owner: OwnerConnection) -> Iterator[Callable[[], None]]:
    """A database that had one migration more and one less, until the call that sets it right."""
    assert owner.admin is not None
    admin = owner.admin
    kept = admin.execute(
        "DELETE FROM django_migrations WHERE (app, name) = ('tenancy', '0009_bin') RETURNING *"
    ).fetchone()
    admin.execute(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('orders', '9000_later', now())"
    )

    def set_right() -> None:
        admin.execute("DELETE FROM django_migrations WHERE name = '9000_later'")
        admin.execute(
            "INSERT INTO django_migrations OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            kept,
        )

    yield set_right
    set_right()


OTHERS = r"only in the backup: orders.9000_later; only in {}: tenancy.0009_bin\)"


def test_a_tenant_of_another_schema_is_refused(
    other_release: Callable[[], None], stores: list[Store], admin: str, here: str, folder: Path
) -> None:
    back_up_tenant(backup_url(), "hanabi", folder)
    other_release()
    before = sums(admin, here)
    with pytest.raises(BackupError, match=OTHERS.format("the database")):
        restore_tenant(admin, here, folder, replace=True)
    assert sums(admin, here) == before


def test_a_database_of_another_schema_is_refused(
    other_release: Callable[[], None], stores: list[Store], admin: str, empty: str, folder: Path
) -> None:
    back_up(backup_url(), folder)
    with pytest.raises(BackupError, match=OTHERS.format("this release")):
        restore(admin, empty, folder)
    assert sums(admin, empty) == {}
