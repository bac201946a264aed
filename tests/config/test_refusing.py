"""Production refuses to start where it would not be safe: a sentence, status 1, no traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from processes import NOREN, production, run

from noren_kit.db.role_names import APP, OWNER, RELAY
from noren_kit.stack.ports import any_free
from noren_kit.testing.servers import ADMIN

WEB = (sys.executable, "-m", "noren_kit.api.serving", "noren.config.wsgi:application")
CELERY = (sys.executable, "-m", "celery", "--quiet", "-A", "noren.config.celery")
WORKER = (*CELERY, "worker", "--pool", "solo", "--without-gossip", "--without-mingle")
BEAT = (*CELERY, "beat", "--pidfile=", "--schedule")
RELAY_COMMAND = (*NOREN, "relay")


def web() -> tuple[str, ...]:
    return (*WEB, "--port", str(any_free()), "--workers", "1")


def refusal(argv: tuple[str, ...], **changes: str | None) -> str:
    """What a process says that must not start."""
    done = run(argv, production(**changes))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def administrator() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(os.environ[ADMIN], autocommit=True) as connection:
        yield connection


def as_role(variable: str, user: str, password: str) -> str:
    parts = urlsplit(os.environ[variable])
    server = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{user}:{password}@{server}").geturl()


def test_settings_that_are_not_safe() -> None:
    said = refusal(web(), SECRET_KEY="a" * 60, DEBUG="true", ALLOWED_HOSTS="*", EMAIL_PORT="x")
    for part in (
        "SECRET_KEY: is weak",
        "DEBUG: must not be on",
        "ALLOWED_HOSTS: must name its hosts",
        "EMAIL_PORT: is no whole number",
    ):
        assert part in said


def test_the_web_process_needs_its_hosts_and_a_key_of_its_own() -> None:
    said = refusal(web(), SECRET_KEY="ChangeMe-8Zp1qWvR4mN7tYb2cXs5dFg9hJk3lPo6iUe0aTzQqQqQ")
    assert "SECRET_KEY: is a placeholder" in said
    assert "ALLOWED_HOSTS: is not set" in refusal(web(), ALLOWED_HOSTS=None)


@pytest.mark.parametrize("argv", [WORKER, RELAY_COMMAND], ids=["worker", "relay"])
def test_workers_and_the_relay_judge_their_settings(argv: tuple[str, ...]) -> None:
    assert "DEBUG: must not be on" in refusal(argv, DEBUG="true")


@pytest.fixture(scope="module")
def roles(administrator: psycopg.Connection[tuple[object, ...]]) -> Iterator[None]:
    """Roles that are privileged in one way each, under names that say nothing of it."""
    grants = {
        "shop_super": "SUPERUSER",
        "shop_bypass": f"BYPASSRLS IN ROLE {APP}",
        "shop_owner": f"IN ROLE {OWNER}",
        "shop_relay": f"BYPASSRLS IN ROLE {RELAY}",
    }
    for name, attributes in grants.items():
        administrator.execute(f"DROP ROLE IF EXISTS {name}".encode())
        administrator.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'pw' {attributes}".encode())
    yield
    for name in grants:
        administrator.execute(f"DROP ROLE {name}".encode())


@pytest.mark.parametrize(
    ("kind", "user", "part"),
    [
        ("web", "shop_bypass", "has BYPASSRLS"),
        ("worker", "shop_super", "is a superuser"),
        ("beat", "shop_owner", "owns the database and owns tables"),
    ],
)
def test_a_privileged_role(roles: None, tmp_path: Path, kind: str, user: str, part: str) -> None:
    argv = {"web": web(), "worker": WORKER, "beat": (*BEAT, str(tmp_path / "schedule"))}[kind]
    said = refusal(argv, DATABASE_URL=as_role("DATABASE_URL", user, "pw"))
    assert f"Refusing to serve as {user}" in said
    assert part in said
    assert f"DATABASE_URL must log in as {APP}" in said


def test_the_relay_refuses_a_privileged_role(roles: None) -> None:
    address = as_role("DATABASE_RELAY_URL", "shop_relay", "pw")
    said = refusal(RELAY_COMMAND, DATABASE_RELAY_URL=address)
    assert f"DATABASE_RELAY_URL must log in as {RELAY}" in said


def test_a_schema_that_lacks_migrations() -> None:
    last = ("catalog", "0012_tax_classes_like_all_tables")
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("DELETE FROM django_migrations WHERE app = %s AND name = %s", last)
        try:
            said = refusal(web())
        finally:
            owner.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now())", last
            )
    assert "the schema lacks catalog.0012_tax_classes_like_all_tables" in said
    assert "`noren migrate`" in said
