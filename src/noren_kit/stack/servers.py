"""The servers of a stack: embedded ones, except where the environment names others."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from noren_kit.db import roles
from noren_kit.stack.environment import DATABASE, NOWHERE, kept_secrets, outside_database
from noren_kit.stack.postgres import EmbeddedPostgres
from noren_kit.stack.progress import step
from noren_kit.stack.redis import EmbeddedRedis


class Servers:
    """PostgreSQL with its roles, and Redis; `environment` says how to reach them.

    `home` is the folder of the local data. `redis` False leaves Redis out and gives an address
    where nothing listens.
    """

    def __init__(self, home: Path, outside: Mapping[str, str], *, redis: bool = True) -> None:
        self.home = home
        self.environment: dict[str, str] = {}
        self._outside = outside
        self._with_redis = redis
        self._postgres: EmbeddedPostgres | None = None
        self._redis: EmbeddedRedis | None = None

    def start(self) -> Self:
        """Start what is missing. Raises StackError if a server cannot be started."""
        try:
            self._start_postgres()
            self._start_redis()
        except BaseException:
            self.stop()
            raise
        return self

    def ensure_running(self) -> list[str]:
        """Start embedded servers that have died again and return their names."""
        revived = []
        if self._postgres is not None and self._postgres.ensure_running():
            revived.append("PostgreSQL")
        if self._redis is not None and self._redis.ensure_running():
            revived.append("Redis")
        return revived

    def stop(self) -> None:
        """Stop the embedded servers, Redis first."""
        if self._redis is not None:
            self._redis.stop()
            self._redis = None
        if self._postgres is not None:
            self._postgres.stop()
            self._postgres = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_postgres(self) -> None:
        urls = outside_database(self._outside)
        with step("PostgreSQL") as report:
            if urls:
                report.detail = f"yours, {_place(urls['DATABASE_URL'])}"
                self.environment |= urls
                return
            self._postgres = EmbeddedPostgres(
                self.home / "postgres", log_file=self.home / "log" / "postgres.log"
            )
            self._postgres.start()
            report.detail = f"embedded, {_place(self._postgres.admin_url)}"
        with step("Roles"):
            passwords = kept_secrets(self.home)["passwords"]
            roles.bootstrap(self._postgres.admin_url, DATABASE, passwords)
            self.environment |= roles.role_urls(self._postgres.admin_url, DATABASE, passwords)

    def _start_redis(self) -> None:
        given = self._outside.get("REDIS_URL")
        if given or not self._with_redis:
            self.environment["REDIS_URL"] = given or f"redis://{NOWHERE}/0"
            return
        with step("Redis") as report:
            self._redis = EmbeddedRedis(
                self.home / "redis", log_file=self.home / "log" / "redis.log"
            )
            self._redis.start()
            self.environment["REDIS_URL"] = self._redis.url
            report.detail = f"embedded, {_place(self._redis.url)}"


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or 'local'}:{parts.port or 'default port'}"
