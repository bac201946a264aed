"""`noren backup` and `noren restore` as somebody types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from noren_kit.backup.checksums import sums_of, tables_of
from noren_kit.backup.folders import MANIFEST
from noren_kit.testing.shops import Shop
from store import Store

SUCCESS, REFUSED, MISUSED = 0, 1, 2


def noren(*arguments: str | Path, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Run the command in the tests' environment; None leaves a variable out."""
    given = {name: value for name, value in {**os.environ, **changes}.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-m", "noren.cli", *map(str, arguments)],
        env=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """What a person is told: one sentence, no traceback, nothing on standard output."""
    assert (done.returncode, done.stdout) == (REFUSED, ""), done
    assert done.stderr.startswith("noren: ")
    assert "Traceback" not in done.stderr
    return done.stderr


def rows(folder: Path) -> int:
    sums = json.loads((folder / MANIFEST).read_text())["sums"]
    return sum(count for owners in sums.values() for count, _sum in owners.values())


def test_a_database_there_and_back(
    stores: list[Store], admin: str, here: str, empty: str, folder: Path
) -> None:
    made = noren("backup", folder)
    assert made.returncode == SUCCESS, made.stderr
    assert made.stdout == f"{folder}: 2 tenants, {rows(folder)} rows.\n"
    back = noren("restore", folder, "--database", empty, DATABASE_ADMIN_URL=admin)
    assert back.returncode == SUCCESS, back.stderr
    assert back.stdout == f"{empty}: 2 tenants, {rows(folder)} rows, as they were.\n"
    found = []
    for database in (here, empty):
        with psycopg.connect(admin, dbname=database) as connection:
            found.append(sums_of(connection, tables_of(connection)))
    assert found[0] == found[1]


def test_a_tenant_there_and_back(stores: list[Store], admin: str, here: str, folder: Path) -> None:
    made = noren("backup", folder, "--tenant", "hanabi")
    assert made.returncode == SUCCESS, made.stderr
    assert made.stdout == f"{folder}: 1 tenants, {rows(folder)} rows.\n"
    stores[0].order((stores[0].product(), 1))
    command = ("restore", folder, "--database", here, "--tenant")
    assert "--replace removes them" in refusal(noren(*command, DATABASE_ADMIN_URL=admin))
    assert stores[0].get("orders/")["count"] == 2
    back = noren(*command, "--replace", DATABASE_ADMIN_URL=admin)
    assert back.returncode == SUCCESS, back.stderr
    assert back.stdout == f"{here}: 1 tenants, {rows(folder)} rows, as they were.\n"
    assert stores[0].get("orders/")["count"] == 1


def test_a_folder_that_is_there_is_left_alone(stores: list[Store], folder: Path) -> None:
    folder.mkdir()
    (folder / "mine").write_text("as it was")
    for whose in ((), ("--tenant", "hanabi")):
        assert f"{folder} is there already" in refusal(noren("backup", folder, *whose))
    assert [(file.name, file.read_text()) for file in folder.iterdir()] == [("mine", "as it was")]
    assert list(folder.parent.iterdir()) == [folder]


def test_a_folder_is_made_with_those_above_it(stores: list[Store], tmp_path: Path) -> None:
    folder = tmp_path / "2026" / "11" / "27"
    assert noren("backup", folder).returncode == SUCCESS
    assert (folder / MANIFEST).is_file()


def test_an_unknown_tenant(shop: Shop, folder: Path) -> None:
    told = refusal(noren("backup", folder, "--tenant", "nobody"))
    assert told == "noren: There is no tenant nobody.\n"
    assert not folder.exists()


@pytest.mark.parametrize("whose", [(), ("--tenant",)])
def test_nothing_to_restore(admin: str, here: str, folder: Path, whose: tuple[str, ...]) -> None:
    command = ("restore", folder, "--database", here, *whose)
    assert "holds no backup" in refusal(noren(*command, DATABASE_ADMIN_URL=admin))
    folder.mkdir()
    assert "holds no backup" in refusal(noren(*command, DATABASE_ADMIN_URL=admin))


def test_a_kind_of_backup_for_the_other(
    stores: list[Store], admin: str, here: str, empty: str, folder: Path
) -> None:
    assert noren("backup", folder / "one", "--tenant", "hanabi").returncode == SUCCESS
    command = ("restore", folder / "one", "--database", empty)
    assert "is the backup of one tenant" in refusal(noren(*command, DATABASE_ADMIN_URL=admin))
    assert noren("backup", folder / "whole").returncode == SUCCESS
    command = ("restore", folder / "whole", "--database", here, "--tenant")
    assert "of a whole database" in refusal(noren(*command, DATABASE_ADMIN_URL=admin))


@pytest.mark.parametrize("server", ["127.0.0.1:1", "[no address"])
def test_a_server_that_is_not_there(folder: Path, server: str) -> None:
    """And the password of its address is not shown."""
    usual = urlsplit(os.environ["DATABASE_BACKUP_URL"])
    address = usual._replace(netloc=f"somebody:hush@{server}").geturl()
    told = refusal(noren("backup", folder, DATABASE_BACKUP_URL=address))
    assert "can't be reached" in told
    assert "hush" not in told
    assert not folder.exists()


def test_as_whom(shop: Shop, admin: str, empty: str, folder: Path) -> None:
    application = os.environ["DATABASE_URL"]
    told = refusal(noren("backup", folder, DATABASE_BACKUP_URL=application))
    assert "Back up as noren_backup" in told
    assert noren("backup", folder).returncode == SUCCESS
    command = ("restore", folder, "--database")
    told = refusal(noren(*command, empty, DATABASE_ADMIN_URL=None))
    assert "DATABASE_ADMIN_URL is not set" in told
    told = refusal(noren(*command, f"{empty}_not", DATABASE_ADMIN_URL=admin))
    assert "does not exist" in told
    here = urlsplit(application).path.removeprefix("/")
    told = refusal(noren(*command, here, DATABASE_ADMIN_URL=application))
    assert "takes a superuser" in told


@pytest.mark.parametrize("settings", [None, "noren.config.settings.production"])
def test_restoring_needs_nothing_else(
    shop: Shop, admin: str, empty: str, folder: Path, settings: str | None
) -> None:
    """Of all that the release's processes are given."""
    assert noren("backup", folder).returncode == SUCCESS
    bare = dict.fromkeys(
        ("SECRET_KEY", "JWT_PRIVATE_KEY", "DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")
    )
    changes = {**bare, "DATABASE_ADMIN_URL": admin, "DJANGO_SETTINGS_MODULE": settings}
    back = noren("restore", folder, "--database", empty, **changes)
    assert back.returncode == SUCCESS, back.stderr


def test_replacing_is_for_a_tenant(admin: str, empty: str, folder: Path) -> None:
    command = ("restore", folder, "--database", empty, "--replace")
    assert "--replace is for one tenant" in refusal(noren(*command, DATABASE_ADMIN_URL=admin))


def test_a_backup_without_its_role(folder: Path) -> None:
    told = refusal(noren("backup", folder, DATABASE_BACKUP_URL=None))
    assert "DATABASE_BACKUP_URL is not set" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["backup"], "Missing argument"),
        (["restore"], "Missing argument"),
        (["backup", "a", "b"], "unexpected extra argument"),
        (["backup", "a", "--tenant"], "requires an argument"),
        (["backup", "a", "--replace"], "No such option"),
        (["restore", "a", "--tenant", "hanabi"], "unexpected extra argument"),
    ],
)
def test_misuse(arguments: list[str], told: str) -> None:
    done = noren(*arguments, COLUMNS="200")
    assert (done.returncode, done.stdout) == (MISUSED, "")
    assert told in done.stderr
    assert not Path(arguments[-1]).exists()


@pytest.mark.parametrize(
    ("command", "options"),
    [("backup", ["--tenant"]), ("restore", ["--database", "--tenant", "--replace"])],
)
def test_help(command: str, options: list[str]) -> None:
    done = noren(command, "--help", COLUMNS="200")
    assert done.returncode == SUCCESS
    assert [option for option in options if option not in done.stdout] == []
