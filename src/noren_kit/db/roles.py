"""The database roles, and the one command that makes them.

Tenants are kept apart by PostgreSQL itself, so everything rests on who connects: each part of the
system has a role that can do its own work and no more. Plain psycopg, so that an administrator,
the local stack and the tests can use it before Django knows any database.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, LiteralString, Protocol
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from noren_kit.core.starting import StartRefused
from noren_kit.db.role_names import APP, AUDIT, BACKUP, LOOKUP, OWNER, PLATFORM, RELAY

LOGIN_ROLES = (OWNER, APP, RELAY, PLATFORM, BACKUP)
# Owners of functions that do with their rights what the caller may not do itself.
FUNCTION_ROLES = (LOOKUP, AUDIT)
URL_VARIABLES = {
    "DATABASE_URL": APP,
    "DATABASE_OWNER_URL": OWNER,
    "DATABASE_RELAY_URL": RELAY,
    "DATABASE_PLATFORM_URL": PLATFORM,
    "DATABASE_BACKUP_URL": BACKUP,
}
"""Which role each address in the environment belongs to."""

MAY_BYPASS_ROW_SECURITY = frozenset({PLATFORM, BACKUP, LOOKUP})
OLDEST_SERVER = 150000
LOCK_KEY = 7_366_911_204_031
LOCK_SECONDS = 120

APP_SETTINGS = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
}


class RolesError(RuntimeError):
    """The roles could not be made as they must be; the message says what to do."""


class UnsafeRoleError(StartRefused):
    """The connection's role could read or change the data of every tenant."""


class _Cursor(Protocol):
    def execute(self, query: LiteralString, /) -> object: ...
    def fetchone(self) -> tuple[Any, ...] | None: ...
    def close(self) -> None: ...


class Connection(Protocol):
    """What `assert_unprivileged` needs of a connection; psycopg's and Django's both have it."""

    def cursor(self) -> Any:
        """Open a cursor."""


def new_passwords() -> dict[str, str]:
    """Return a random password for each role that logs in."""
    return {role: secrets.token_urlsafe(24) for role in LOGIN_ROLES}


def scram_verifier(password: str) -> str:
    """Return what PostgreSQL stores for a password (RFC 5802, RFC 7677), with a random salt.

    Raises RolesError for characters outside printable ASCII, which would need SASLprep.
    """
    if not (password.isascii() and password.isprintable()):
        raise RolesError("Passwords of database roles must be printable ASCII.")
    salt, rounds = secrets.token_bytes(16), 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    encoded = [base64.b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${rounds}:{encoded[0]}${encoded[1]}:{encoded[2]}"


def _text(query: sql.Composable) -> str:
    return query.as_string(None)


def _fill(template: LiteralString, **parts: str) -> str:
    """Fill `{name}` with an identifier and `{name_text}` with a literal, both quoted."""
    values: dict[str, sql.Composable] = {}
    for name, value in parts.items():
        values[name] = sql.Literal(value) if name.endswith("_text") else sql.Identifier(value)
    return _text(sql.SQL(template).format(**values))


def _role_sql(role: str, password: str | None) -> list[str]:
    login = "LOGIN" if role in LOGIN_ROLES else "NOLOGIN"
    bypass = "BYPASSRLS" if role in MAY_BYPASS_ROW_SECURITY else "NOBYPASSRLS"
    wanted = sql.SQL("({}, {}, false, false, false, false)").format(
        role in LOGIN_ROLES, role in MAY_BYPASS_ROW_SECURITY
    )
    # An attribute that already is as wanted stays unmentioned: naming it needs the privilege.
    make = sql.SQL(
        "DO $roles$ BEGIN\n"
        "  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {name}) THEN\n"
        "    CREATE ROLE {role} {login} {bypass};\n"
        "  ELSIF EXISTS (SELECT FROM pg_roles WHERE rolname = {name} AND (rolcanlogin,"
        " rolbypassrls, rolsuper, rolcreaterole, rolcreatedb, rolreplication)"
        " IS DISTINCT FROM {wanted}) THEN\n"
        "    ALTER ROLE {role} {login} {bypass}"
        " NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION;\n"
        "  END IF;\n"
        "END $roles$"
    ).format(
        name=sql.Literal(role),
        role=sql.Identifier(role),
        login=sql.SQL(login),
        bypass=sql.SQL(bypass),
        wanted=wanted,
    )
    statements = [_text(make)]
    if password is not None:
        verifier = scram_verifier(password)
        statements.append(
            _fill("ALTER ROLE {role} PASSWORD {verifier_text}", role=role, verifier_text=verifier)
        )
    return statements


def cluster_sql(passwords: Mapping[str, str]) -> list[str]:
    """Return the statements that make the roles; run them in any database of the cluster.

    Passwords appear as SCRAM verifiers only, so the statements may be shown and logged.
    """
    missing = [role for role in LOGIN_ROLES if not passwords.get(role)]
    if missing:
        raise RolesError(f"There is no password for {', '.join(missing)}.")
    statements = [
        statement
        for role in (*LOGIN_ROLES, *FUNCTION_ROLES)
        for statement in _role_sql(role, passwords.get(role))
    ]
    # Migrations hand functions over to these roles, which takes membership.
    statements += [
        _fill("GRANT {role} TO {owner}", role=role, owner=OWNER) for role in FUNCTION_ROLES
    ]
    statements.append(
        _fill(
            "DO $roles$ BEGIN\n"
            "  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN\n"
            "    EXECUTE format('GRANT %I TO %I', {owner_text}, current_user);\n"
            "  END IF;\n"
            "END $roles$",
            owner_text=OWNER,
        )
    )
    return statements


def create_database_sql(database: str) -> str:
    """Return the statement that makes the database; not inside a transaction."""
    return _fill(
        "CREATE DATABASE {database} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'",
        database=database,
        owner=OWNER,
    )


def database_sql(database: str) -> list[str]:
    """Return the grants and settings of the database; run them inside it, as administrator."""
    statements = [
        _fill("ALTER DATABASE {database} OWNER TO {owner}", database=database, owner=OWNER),
        _fill("REVOKE ALL ON DATABASE {database} FROM PUBLIC", database=database),
    ]
    statements += [
        _fill("GRANT CONNECT ON DATABASE {database} TO {role}", database=database, role=role)
        for role in LOGIN_ROLES
    ]
    statements += _settings_sql(database)
    return [*statements, _fill("SET ROLE {owner}", owner=OWNER), *_schema_sql(), "RESET ROLE"]


def _settings_sql(database: str) -> list[str]:
    template: LiteralString = "ALTER ROLE {role} IN DATABASE {database} SET {name} = {value_text}"
    settings = [(APP, name, value) for name, value in APP_SETTINGS.items()]
    settings.append((BACKUP, "default_transaction_read_only", "on"))
    statements = [
        _fill(template, role=role, database=database, name=name, value_text=value)
        for role, name, value in settings
    ]
    statements.append(
        "DO $roles$ BEGIN\n"
        "  IF current_setting('server_version_num')::int >= 170000 THEN\n"
        f"    EXECUTE format('ALTER ROLE {APP} IN DATABASE %I SET transaction_timeout = %L',"
        " current_database(), '60s');\n"
        "  END IF;\n"
        "END $roles$"
    )
    return statements


def _schema_sql() -> list[str]:
    """Return what the owner itself sets up in its schema, for now and for tables to come."""
    default = f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER}"
    return [
        f"ALTER SCHEMA public OWNER TO {OWNER}",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {APP}, {RELAY}, {PLATFORM}, {BACKUP}",
        # ALTER FUNCTION … OWNER TO asks the new owner for CREATE.
        f"GRANT USAGE, CREATE ON SCHEMA public TO {', '.join(FUNCTION_ROLES)}",
        f"{default} IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES"
        f" TO {APP}, {PLATFORM}",
        f"{default} IN SCHEMA public GRANT SELECT ON TABLES TO {BACKUP}",
        f"{default} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {APP}, {PLATFORM}",
        f"{default} IN SCHEMA public GRANT SELECT ON SEQUENCES TO {BACKUP}",
        # PUBLIC's right to execute is a default of the database, not of a schema.
        f"{default} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        f"{default} IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO {APP}, {PLATFORM}",
    ]


def bootstrap_sql(database: str, passwords: Mapping[str, str]) -> str:
    """Return all of it as a script for psql, for an administrator to read and run."""
    missing = "SELECT {create_text} WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = "
    create = _fill(
        missing + "{name_text}) \\gexec",
        create_text=create_database_sql(database),
        name_text=database,
    )
    quoted = '"' + database.replace('"', '""') + '"'
    lines = [
        "\\set ON_ERROR_STOP on",
        *(f"{statement};" for statement in cluster_sql(passwords)),
        create,
        f"\\connect {quoted}",
        *(f"{statement};" for statement in database_sql(database)),
    ]
    return "\n".join(lines) + "\n"


def bootstrap(admin_url: str, database: str, passwords: Mapping[str, str]) -> None:
    """Make the roles, the database and the grants; harmless to repeat, or to run twice at once.

    `passwords` maps each of LOGIN_ROLES to its password. Raises RolesError where the
    administrator lacks a privilege, the server does not answer or is older than PostgreSQL 15.
    """
    try:
        _bootstrap(admin_url, database, passwords)
    except psycopg.errors.InsufficientPrivilege as error:
        raise RolesError(
            f"The administrator in the address given may not do this: {error}. Print the script "
            "(noren db bootstrap --print-sql) and have a superuser run it with psql."
        ) from error
    except psycopg.errors.LockNotAvailable as error:
        raise RolesError(f"Another bootstrap has been running for {LOCK_SECONDS} s.") from error
    except psycopg.OperationalError as error:
        raise RolesError(f"The server of DATABASE_ADMIN_URL does not answer: {error}") from error


def _bootstrap(admin_url: str, database: str, passwords: Mapping[str, str]) -> None:
    # Advisory locks belong to a database, so all callers meet in the same one.
    with psycopg.connect(admin_url, dbname="postgres", autocommit=True) as cluster:
        version = cluster.info.server_version
        if version < OLDEST_SERVER:
            raise RolesError(f"PostgreSQL 15 or newer is needed, not {version // 10000}.")
        cluster.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
        cluster.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        with cluster.transaction():
            _execute(cluster, cluster_sql(passwords))
        found = cluster.execute("SELECT FROM pg_database WHERE datname = %s", [database])
        if found.rowcount == 0:
            _execute(cluster, [create_database_sql(database)])
        with psycopg.connect(admin_url, dbname=database) as inside:
            _execute(inside, database_sql(database))


def _execute(connection: psycopg.Connection[Any], statements: list[str]) -> None:
    for statement in statements:
        connection.execute(statement.encode())


def role_urls(admin_url: str, database: str, passwords: Mapping[str, str]) -> dict[str, str]:
    """Return the address of each role, by the environment variable that carries it."""
    parts = urlsplit(admin_url)
    server = parts.netloc.rpartition("@")[2]
    return {
        variable: urlunsplit(
            parts._replace(
                netloc=f"{role}:{quote(passwords[role], safe='')}@{server}",
                path="/" + quote(database, safe=""),
            )
        )
        for variable, role in URL_VARIABLES.items()
    }


def passwords_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Take the roles' passwords out of the addresses in the environment.

    Raises RolesError if an address is missing, has no password, or names another role.
    """
    passwords = {}
    for variable, role in URL_VARIABLES.items():
        parts = urlsplit(environment.get(variable, ""))
        if parts.username != role or not parts.password:
            raise RolesError(f"{variable} must be an address of {role} with its password.")
        passwords[role] = unquote(parts.password)
    return passwords


_PRIVILEGES: LiteralString = """
    SELECT session_user,
        EXISTS (SELECT FROM pg_roles WHERE rolsuper AND pg_has_role(session_user, oid, 'MEMBER')),
        EXISTS (SELECT FROM pg_roles WHERE rolbypassrls
                AND pg_has_role(session_user, oid, 'MEMBER')),
        EXISTS (SELECT FROM pg_database WHERE datname = current_database()
                AND pg_has_role(session_user, datdba, 'MEMBER')),
        EXISTS (SELECT FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
                WHERE nspname = 'public' AND pg_has_role(session_user, relowner, 'MEMBER'))
"""


def assert_unprivileged(connection: Connection, *, variable: str = "DATABASE_URL") -> None:
    """Refuse a role that row-level security does not bind; for the start of anything that serves.

    Raises UnsafeRoleError for a superuser, a role with BYPASSRLS, the owner of the database or of a
    table in it, and for members of any of these.
    """
    cursor: _Cursor = connection.cursor()
    try:
        cursor.execute(_PRIVILEGES)
        row = cursor.fetchone()
    finally:
        cursor.close()
    if row is None:
        raise UnsafeRoleError("PostgreSQL did not say who this connection is.")
    user, *found = row
    reasons = ["is a superuser", "has BYPASSRLS", "owns the database", "owns tables"]
    held = [reason for reason, holds in zip(reasons, found, strict=True) if holds]
    if held:
        raise UnsafeRoleError(
            f"Refusing to serve as {user}, which {' and '.join(held)} (itself or as a member): "
            f"tenants would not be kept apart. {variable} must log in as "
            f"{URL_VARIABLES.get(variable, APP)}."
        )
