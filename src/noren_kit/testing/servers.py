"""Real servers for a test run: made once, shared by all workers, a database for each.

The controller of the run starts PostgreSQL and Redis (or takes those of the environment),
makes the roles, and migrates a template as the owner; each worker clones the template.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from noren_kit.core.keys import new_private_key
from noren_kit.db import role_names
from noren_kit.db.roles import bootstrap, new_passwords, role_urls
from noren_kit.stack.postgres import EmbeddedPostgres
from noren_kit.stack.redis import EmbeddedRedis

TEMPLATE = "noren_test_template"
ADMIN = "NOREN_TEST_ADMIN_URL"
_ROLE_VARIABLES = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATABASE_RELAY_URL",
    "DATABASE_PLATFORM_URL",
    "DATABASE_BACKUP_URL",
)


def start_servers(*, durable: bool = False) -> None:
    """Start what the environment does not name, and migrate the template; once a run.

    `durable` makes PostgreSQL write as it does in production; measurements want that.
    """
    folder = tempfile.TemporaryDirectory(prefix="noren-test-")
    home = Path(folder.name)
    postgres = None
    admin_url = os.environ.get("DATABASE_ADMIN_URL")
    if admin_url is None:
        postgres = EmbeddedPostgres(home / "postgres", fast_unsafe=not durable).start()
        admin_url = postgres.admin_url
    redis = None
    if "REDIS_URL" not in os.environ:
        redis = EmbeddedRedis(home / "redis")
        redis.start()
        os.environ["REDIS_URL"] = redis.url

    def stop() -> None:
        if redis is not None:
            redis.stop()
        if postgres is not None:
            postgres.remove()
        folder.cleanup()

    atexit.register(stop)
    passwords = new_passwords()
    _drop(admin_url, TEMPLATE)
    bootstrap(admin_url, TEMPLATE, passwords)
    os.environ.update(role_urls(admin_url, TEMPLATE, passwords))
    os.environ[ADMIN] = admin_url
    os.environ["MEDIA_FOLDER"] = str(home / "media")
    os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 40)
    os.environ.setdefault("JWT_PRIVATE_KEY", new_private_key())
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--database", "owner", "--verbosity", "0"],
        check=True,
    )


def _drop(admin_url: str, database: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
        )


def clone_database(worker: str) -> None:
    """Give this worker a copy of the template, and point the environment at it."""
    admin_url = os.environ[ADMIN]
    database = f"noren_test_{worker}"
    _drop(admin_url, database)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        # Cloning wants the template idle: workers take turns.
        admin.execute("SELECT pg_advisory_lock(7062)")
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                sql.Identifier(database),
                sql.Identifier(TEMPLATE),
                sql.Identifier(role_names.OWNER),
            )
        )
        _copy_database_grants(admin, database)
    for variable in _ROLE_VARIABLES:
        parts = urlsplit(os.environ[variable])
        os.environ[variable] = parts._replace(path=f"/{database}").geturl()


def _copy_database_grants(admin: psycopg.Connection[tuple[object, ...]], database: str) -> None:
    """CREATE DATABASE copies what is inside, not who may connect."""
    roles = (
        role_names.APP,
        role_names.RELAY,
        role_names.PLATFORM,
        role_names.BACKUP,
    )
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
    admin.execute(
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
            sql.Identifier(database), sql.SQL(", ").join(map(sql.Identifier, roles))
        )
    )
