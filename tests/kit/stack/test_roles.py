"""The roles as PostgreSQL itself sees them after a bootstrap."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
import pytest

from noren_kit.db import roles
from noren_kit.stack.postgres import EmbeddedPostgres, installation

NAMES = {variable: role.removeprefix("noren_") for variable, role in roles.URL_VARIABLES.items()}


@dataclass
class Stage:
    """A cluster with one bootstrapped database, and the address of each role."""

    admin_url: str
    passwords: dict[str, str]
    urls: dict[str, str]

    def ask(self, role: str, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.urls[role], autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def refused(self, role: str, query: str) -> bool:
        try:
            self.ask(role, query)
        except psycopg.errors.InsufficientPrivilege:
            return True
        return False


def address(stage: Stage, user: str, password: str) -> str:
    parts = urlsplit(stage.admin_url)
    server = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{user}:{password}@{server}").geturl()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("roles") / "pg", fast_unsafe=True)
    try:
        server.start()
        passwords = roles.new_passwords()
        roles.bootstrap(server.admin_url, "shop", passwords)
        urls = roles.role_urls(server.admin_url, "shop", passwords)
        by_role = {NAMES[variable]: url for variable, url in urls.items()}
        stage = Stage(server.admin_url, passwords, by_role | {"admin": server.admin_url})
        stage.ask("owner", "CREATE TABLE item (id bigint GENERATED ALWAYS AS IDENTITY, name text)")
        stage.ask("owner", "CREATE FUNCTION seven() RETURNS int LANGUAGE sql AS 'SELECT 7'")
        yield stage
    finally:
        server.remove()


def test_attributes(stage):
    rows = stage.ask(
        "admin",
        "SELECT rolname, rolcanlogin, rolbypassrls, rolsuper OR rolcreaterole OR rolcreatedb"
        " OR rolreplication FROM pg_roles WHERE rolname LIKE 'noren\\_%' AND NOT rolsuper",
    )
    assert sorted(rows) == [
        ("noren_app", True, False, False),
        ("noren_audit", False, False, False),
        ("noren_backup", True, True, False),
        ("noren_lookup", False, True, False),
        ("noren_owner", True, False, False),
        ("noren_platform", True, True, False),
        ("noren_relay", True, False, False),
    ]


def test_every_role_logs_in_with_its_password(stage):
    users = {name: stage.ask(name, "SELECT session_user")[0][0] for name in NAMES.values()}
    assert users == {name: f"noren_{name}" for name in NAMES.values()}


def test_owner_owns_database_and_schema(stage):
    query = (
        "SELECT (SELECT datdba::regrole::text FROM pg_database WHERE datname = 'shop'),"
        " (SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'public')"
    )
    assert stage.ask("owner", query) == [("noren_owner", "noren_owner")]


def test_app_changes_rows_and_nothing_else(stage):
    stage.ask("app", "INSERT INTO item (name) VALUES ('a')")
    stage.ask("app", "UPDATE item SET name = 'b'")
    assert stage.ask("app", "SELECT count(*) FROM item") == [(1,)]
    stage.ask("app", "DELETE FROM item")
    for forbidden in (
        "TRUNCATE item",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "ALTER TABLE item ADD COLUMN x int",
        "DROP TABLE item",
        "CREATE ROLE mine",
        "SET ROLE noren_owner",
        "SET ROLE noren_lookup",
    ):
        assert stage.refused("app", forbidden), forbidden


def test_relay_gets_nothing_by_default(stage):
    assert stage.refused("relay", "SELECT * FROM item")
    assert stage.refused("relay", "SELECT seven()")


def test_backup_reads_and_never_writes(stage):
    assert stage.ask("backup", "SELECT count(*) FROM item") == [(0,)]
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        stage.ask("backup", "CREATE TEMPORARY TABLE mine (id int)")
    assert stage.refused("backup", "START TRANSACTION READ WRITE; DELETE FROM item")


def test_functions_are_not_for_everybody(stage):
    assert stage.ask("app", "SELECT seven()") == [(7,)]
    assert stage.ask("platform", "SELECT seven()") == [(7,)]
    assert stage.refused("backup", "SELECT seven()")


def test_look_up_function_reads_one_column_under_forced_row_security(stage):
    for statement in (
        "CREATE TABLE account (id int, email text, secret text)",
        "INSERT INTO account VALUES (1, 'a@example.com', 's')",
        "ALTER TABLE account ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE account FORCE ROW LEVEL SECURITY",
        "GRANT SELECT (id, email) ON account TO noren_lookup",
        "CREATE FUNCTION find_account(text) RETURNS int LANGUAGE sql SECURITY DEFINER"
        " SET search_path = pg_catalog, public AS 'SELECT id FROM account WHERE email = $1'",
        "ALTER FUNCTION find_account(text) OWNER TO noren_lookup",
    ):
        stage.ask("owner", statement)
    assert stage.ask("app", "SELECT id FROM account") == []
    assert stage.ask("app", "SELECT find_account('a@example.com')") == [(1,)]


def test_time_limits_bind_the_app_alone(stage):
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    names += ("transaction_timeout",)
    limits = {
        role: [stage.ask(role, f"SHOW {name}")[0][0] for name in names]
        for role in ("app", "owner", "backup")
    }
    assert limits["app"] == ["30s", "5s", "1min", "1min"]
    assert limits["owner"] == limits["backup"] == ["0"] * 4


def test_strangers_cannot_connect(stage):
    stage.ask("admin", "CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(stage.urls["app"], user="stranger", password="stranger")


def test_only_app_and_relay_may_serve(stage):
    for role in ("app", "relay"):
        with psycopg.connect(stage.urls[role]) as connection:
            roles.assert_unprivileged(connection)
    reasons = {"admin": "superuser", "owner": "owns", "platform": "BYPASSRLS"}
    for role, reason in reasons.items():
        refused = pytest.raises(roles.UnsafeRoleError, match=reason)
        with psycopg.connect(stage.urls[role]) as connection, refused:
            roles.assert_unprivileged(connection)


def test_again_and_at_once(stage):
    jobs = ["shop", "shop", "second", "second", "third"]
    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(lambda name: roles.bootstrap(stage.admin_url, name, stage.passwords), jobs))
    rows = stage.ask("admin", "SELECT datname FROM pg_database WHERE NOT datistemplate")
    assert {name for (name,) in rows} >= {"shop", "second", "third"}
    assert stage.ask("app", "SELECT count(*) FROM item") == [(0,)]


def test_explicit_revokes_survive_another_bootstrap(stage):
    stage.ask("owner", "CREATE TABLE ledger (id int)")
    stage.ask("owner", "REVOKE UPDATE, DELETE ON ledger FROM noren_app, noren_platform")
    roles.bootstrap(stage.admin_url, "shop", stage.passwords)
    assert stage.refused("app", "DELETE FROM ledger")


def test_changed_password_replaces_the_old_one(stage):
    roles.bootstrap(stage.admin_url, "shop", stage.passwords | {"noren_relay": "new-one"})
    with pytest.raises(psycopg.OperationalError, match="password"):
        stage.ask("relay", "SELECT 1")
    roles.bootstrap(stage.admin_url, "shop", stage.passwords)
    assert stage.ask("relay", "SELECT 1") == [(1,)]


def test_role_that_gained_powers_loses_them(stage):
    stage.ask("admin", "ALTER ROLE noren_app SUPERUSER BYPASSRLS")
    roles.bootstrap(stage.admin_url, "shop", stage.passwords)
    query = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = 'noren_app'"
    assert stage.ask("admin", query) == [(False,)]


def test_script_for_an_administrator_does_the_same_without_plain_passwords(stage, tmp_path):
    name = 'odd "name" 100%'
    script = roles.bootstrap_sql(name, stage.passwords)
    assert not any(password in script for password in stage.passwords.values())
    file = tmp_path / "bootstrap.sql"
    file.write_text(script)
    psql = [str(installation() / "bin" / "psql"), "-X", "-q", "-f", str(file), stage.admin_url]
    subprocess.run(psql, check=True, capture_output=True, text=True)
    url = roles.role_urls(stage.admin_url, name, stage.passwords)["DATABASE_URL"]
    with psycopg.connect(url) as connection:
        assert connection.info.dbname == name


def test_administrator_without_the_privilege_is_told_so(stage):
    stage.ask("admin", "CREATE ROLE weak LOGIN PASSWORD 'weak'")
    url = address(stage, "weak", "weak")
    with pytest.raises(roles.RolesError, match="--print-sql"):
        roles.bootstrap(url, "shop", stage.passwords)


def test_managed_administrator_that_is_no_superuser(stage):
    attributes = "LOGIN CREATEROLE CREATEDB BYPASSRLS"
    stage.ask("admin", f"CREATE ROLE managed {attributes} PASSWORD 'm'")
    for name in (*roles.LOGIN_ROLES, *roles.FUNCTION_ROLES):
        stage.ask("admin", f"GRANT {name} TO managed WITH ADMIN OPTION")
    managed = address(stage, "managed", "m")
    roles.bootstrap(managed, "managed_shop", stage.passwords)
    app = roles.role_urls(managed, "managed_shop", stage.passwords)["DATABASE_URL"]
    with psycopg.connect(app) as connection:
        roles.assert_unprivileged(connection)


def test_passwords_come_from_addresses(stage):
    passwords = stage.passwords | {"noren_app": "p@ss/w:rd %"}
    urls = roles.role_urls(stage.admin_url, "shop", passwords)
    assert roles.passwords_of(urls) == passwords
    with pytest.raises(roles.RolesError, match="DATABASE_URL"):
        roles.passwords_of(urls | {"DATABASE_URL": stage.admin_url})
