"""Where the distribution keeps its servers, and how they are run; what is missing is an error."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from noren_kit.stack.ports import LOOPBACK
from noren_kit.stack.process import GuardedProcess
from noren_kit.stack.unprivileged import find_account

_PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
# Root itself may run neither server.
ACCOUNT = find_account(Path("/nowhere"))


def program(name: str) -> str:
    """The newest program of this name; raises `LookupError`, for nothing here is optional."""
    found = [str(each) for place in _PLACES for each in Path("/").glob(f"{place[1:]}/{name}")]
    first = shutil.which(name)
    if not found and first is None:
        raise LookupError(f"{name} is not installed; these tests can't do without it.")
    return sorted(found)[-1] if found else str(first)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that the servers' account owns, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="noren-servers-") as made:
        if ACCOUNT is not None:
            os.chown(made, ACCOUNT.uid, ACCOUNT.gid)
        yield Path(made)


def write(path: Path, text: str | bytes) -> None:
    """Write a file that the servers' account alone may read, as servers want their secrets."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o600)
    if ACCOUNT is not None:
        os.chown(path, ACCOUNT.uid, ACCOUNT.gid)


@contextmanager
def running(argv: list[str], port: int, log: Path) -> Iterator[None]:
    """The server, once it takes connections on that port."""
    with log.open("wb") as output:
        server = GuardedProcess(argv, env=os.environ, output=output, account=ACCOUNT, cwd=Path("/"))
        server.start()
        try:
            deadline = time.monotonic() + 60
            while not _listens(port):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(log.read_text(errors="replace")[-2_000:])
                time.sleep(0.1)
            yield
        finally:
            server.stop()


def _listens(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def environment(changes: Mapping[str, str]) -> Iterator[None]:
    """These variables for this process and what it starts."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
