"""Files for the owner's eyes only, written whole or not at all; the lock of a data directory."""

import contextlib
import fcntl
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from noren_kit.stack.errors import AlreadyRunningError, StackError


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically; only its owner may read it (mode 0600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write an object as `write_private` does."""
    write_private(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read an object; nothing there reads as empty. Raises StackError if it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise StackError(
            f"{path} belongs to another user: start as that user, or remove it with the data."
        ) from error
    except ValueError as error:
        raise StackError(f"{path} is damaged ({error}): remove it to start afresh.") from error
    if not isinstance(content, dict):
        raise StackError(f"{path} is damaged (no JSON object): remove it to start afresh.")
    return content


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class DirectoryLock:
    """An flock beside a data directory; the system gives it back when its holder dies."""

    def __init__(self, path: Path, purpose: str) -> None:
        self.path = path
        self.purpose = purpose
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock within half a second; AlreadyRunningError names the holder's process id."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = self._open()
        # Someone who only looks whether the lock is held has it for a moment too.
        for _ in range(10):
            if _try_lock(descriptor):
                break
            time.sleep(0.05)
        else:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise AlreadyRunningError(
                f"{self.purpose} is already run by process {holder} (lock {self.path}): "
                "stop that one first, or use another folder (NOREN_HOME)."
            )
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except PermissionError as error:
            raise StackError(
                f"{self.path} belongs to another user: {self.purpose} was started as that user."
            ) from error

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def is_held(self) -> bool:
        """Say whether any process holds the lock."""
        if not self.path.exists():
            return False
        descriptor = self._open()
        try:
            return not _try_lock(descriptor)
        finally:
            os.close(descriptor)
