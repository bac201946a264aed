"""The servers under the benchmark: PostgreSQL and Redis of its own, and the systems over them.

Everything listens on the loopback address at a port of the system's choosing, and ends with the
run, however that ends (`GuardedProcess`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from measured import UNLIMITED
from psycopg import sql

from noren_kit.db.roles import bootstrap, role_urls
from noren_kit.stack.environment import kept_secrets
from noren_kit.stack.ports import LOOPBACK, any_free
from noren_kit.stack.postgres import EmbeddedPostgres
from noren_kit.stack.process import GuardedProcess
from noren_kit.stack.redis import EmbeddedRedis

SOURCES = Path(__file__).parent
START_SECONDS = 60.0
WORKERS = 2
# The databases that are worked on; each is a copy of one that is kept as it was loaded.
NOREN, PLAIN, LEAN = "bench_noren", "bench_plain", "bench_lean"


@dataclass
class Servers:
    """PostgreSQL and Redis under `home`, and the keys of Noren."""

    home: Path
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis

    def url(self, database: str) -> str:
        """The administrator's address of a database."""
        return self.postgres.admin_url.removesuffix("/postgres") + f"/{database}"

    def noren_environment(self, database: str) -> dict[str, str]:
        """What Noren's processes find in their environment: production's settings, no limits."""
        secrets = kept_secrets(self.home)
        return {
            **role_urls(self.postgres.admin_url, database, secrets["passwords"]),
            "REDIS_URL": self.redis.url,
            "SECRET_KEY": secrets["SECRET_KEY"],
            "JWT_PRIVATE_KEY": secrets["JWT_PRIVATE_KEY"],
            "DJANGO_SETTINGS_MODULE": "plain_http_settings",
            "ALLOWED_HOSTS": LOOPBACK,
            "LIMITS": UNLIMITED,
            "LOG_LEVEL": "INFO",
            "LOG_JSON": "true",
            "NOREN_HOME": str(self.home),
        }

    def grant(self, database: str) -> None:
        """Make Noren's roles, and their grants on this database."""
        bootstrap(self.postgres.admin_url, database, kept_secrets(self.home)["passwords"])

    def administer(self, statement: sql.Composable | str) -> None:
        """Run one statement of the cluster, outside of a transaction."""
        text = statement if isinstance(statement, sql.Composable) else sql.SQL(statement)
        with psycopg.connect(self.postgres.admin_url, autocommit=True) as admin:
            admin.execute(text)

    def drop(self, database: str) -> None:
        name = sql.Identifier(database)
        self.administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def copy(self, source: str, target: str) -> None:
        """Make `target` a copy of `source`, file by file; nobody may be in either."""
        self.drop(target)
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self.administer(statement.format(sql.Identifier(target), sql.Identifier(source)))

    def analyze(self, database: str) -> None:
        with psycopg.connect(self.url(database), autocommit=True) as admin:
            admin.execute("ANALYZE")

    def exists(self, database: str) -> bool:
        with psycopg.connect(self.postgres.admin_url) as admin:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            return admin.execute(query, [database]).fetchone() is not None


@contextmanager
def running_servers(home: Path) -> Iterator[Servers]:
    """Start both, with durability on; what they hold stays in `home`."""
    home.mkdir(parents=True, exist_ok=True)
    with (
        EmbeddedPostgres(home / "postgres", log_file=home / "postgres.log") as postgres,
        EmbeddedRedis(home / "redis", log_file=home / "redis.log") as redis,
    ):
        yield Servers(home, postgres, redis)


def forget(home: Path) -> None:
    """Delete all that is kept in `home`, the moved data of PostgreSQL too."""
    EmbeddedPostgres(home / "postgres", log_file=home / "postgres.log").remove()
    shutil.rmtree(home, ignore_errors=True)


@dataclass
class System:
    """One of what is compared: how it is started, and how its caller signs in."""

    name: str
    database: str
    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    authorization: str = ""
    port: int = 0
    process: GuardedProcess | None = None

    @property
    def is_noren(self) -> bool:
        """Whether it is Noren, under whatever server."""
        return self.database == NOREN

    @property
    def base_url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def headers(self) -> dict[str, str]:
        return {"Authorization": self.authorization, "Content-Type": "application/json"}


def _noren_command() -> list[str]:
    """The web process of `noren run`, word for word."""
    from noren.cli import stack_processes

    web = next(each for each in stack_processes(0, WORKERS, {}) if each.name == "web")
    argv = list(web.argv)
    argv[argv.index("--port") + 1] = "{port}"
    return argv


def systems(servers: Servers) -> list[System]:
    """All that is compared, plain DRF first; not started yet."""
    python = [sys.executable, "-m"]
    granian = "granian --interface wsgi --host 127.0.0.1 --port {port} --no-ws --no-access-log"
    granian += f" --workers {WORKERS} --blocking-threads 1 baselines.limit.app:application"
    gunicorn = f"gunicorn --workers {WORKERS} --worker-class sync --bind 127.0.0.1:{{port}}"
    uvicorn = f"uvicorn --host 127.0.0.1 --port {{port}} --workers {WORKERS}"
    uvicorn += " --loop uvloop --http httptools --no-access-log --log-level warning"
    plain, lean = ({"BASELINE_DATABASE_URL": servers.url(name)} for name in (PLAIN, LEAN))
    django = {"DJANGO_SETTINGS_MODULE": "plain_drf.settings", "SECRET_KEY": "x" * 50}
    return [
        System(
            "plain DRF",
            PLAIN,
            [*python, *gunicorn.split(), "plain_drf.wsgi:application"],
            plain | django,
        ),
        System("Noren", NOREN, _noren_command(), servers.noren_environment(NOREN)),
        System(
            "FastAPI + asyncpg",
            LEAN,
            [*python, *uvicorn.split(), "baselines.fastapi_asyncpg.app:app"],
            lean,
        ),
        System("limit, made", LEAN, [*python, *granian.split()], lean | {"LIMIT_VARIANT": "made"}),
        System(
            "limit, stored", LEAN, [*python, *granian.split()], lean | {"LIMIT_VARIANT": "stored"}
        ),
    ]


def import_paths() -> str:
    """PYTHONPATH of what is started: the benchmark, its baselines, and what was there."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(filter(None, [str(SOURCES), str(SOURCES / "baselines"), *given]))


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": import_paths(), "PYTHONUNBUFFERED": "1", **environment}


@contextmanager
def started(found: list[System], logs: Path) -> Iterator[list[System]]:
    """Serve all of them at once, each at a port of its own, until the block ends."""
    logs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as cleanup:
        for system in found:
            system.port = any_free()
            log = logs / f"{system.name.replace(' ', '-').replace(',', '')}.log"
            output = cleanup.enter_context(log.open("wb"))
            argv = [part.replace("{port}", str(system.port)) for part in system.argv]
            process = GuardedProcess(
                argv, env=child_environment(system.environment), cwd=logs, output=output
            )
            process.start()
            cleanup.callback(process.stop)
            system.process = process
            _await_answer(system, log)
        yield found


def _await_answer(system: System, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        request = urllib.request.Request(f"{system.base_url}/api/v1/products/")
        try:
            urllib.request.urlopen(request, timeout=5)
        except urllib.error.HTTPError as error:
            if error.code in (401, 403):
                return
        except OSError:
            pass
        ended = system.process is None or system.process.poll() is not None
        if ended or time.monotonic() > deadline:
            raise SystemExit(f"{system.name} did not start:\n{log.read_text()[-3_000:]}")
        time.sleep(0.1)


def run_python(
    module: str, *arguments: str, environment: Mapping[str, str], quiet: bool = False
) -> None:
    """Run a module to its end in its own process; raises SystemExit with what it said.

    `quiet` shows its output only then.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        check=False,
        env=child_environment(environment),
        capture_output=quiet,
        text=True,
    )
    if done.returncode:
        shown = f"\n{done.stdout}{done.stderr}" if quiet else ""
        raise SystemExit(f"{module} {' '.join(arguments)} failed.{shown}")
