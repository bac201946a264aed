"""What the embedded servers share: one process over one data directory, locked, on a kept port."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from noren_kit.stack.errors import StackError
from noren_kit.stack.ports import any_free, is_free
from noren_kit.stack.private import DirectoryLock
from noren_kit.stack.process import GuardedProcess


class EmbeddedServer:
    """A server of the local stack, on the loopback address with a random password.

    `port` fixes the TCP port (StackError if it is busy); without it a free one is chosen and
    kept for the next start. What must outlast a restart is in `<data_dir>.json`, mode 0600.
    """

    name: ClassVar[str]

    def __init__(self, data_dir: Path, *, port: int | None, log_file: Path | None) -> None:
        self.data_dir = data_dir.absolute()
        self.port = 0
        self.log_file = (log_file or self._beside(".log")).absolute()
        self._wanted_port = port
        self._lock = DirectoryLock(self._beside(".lock"), f"{self.name} in {self.data_dir}")
        self._state: dict[str, Any] = {}
        self._process: GuardedProcess | None = None

    def _beside(self, suffix: str) -> Path:
        return self.data_dir.with_name(self.data_dir.name + suffix)

    @property
    def pid(self) -> int:
        """Process id of the server, 0 before the first start."""
        return self._process.pid if self._process else 0

    def start(self) -> Self:
        """Return when the server answers, well below a second after the first time.

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
        """Shut the server down in order."""
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
        """Prepare what is missing, start the process, return when it answers."""
        raise NotImplementedError

    def _choose_port(self) -> int:
        if self._wanted_port is not None:
            if not is_free(self._wanted_port):
                raise StackError(f"Port {self._wanted_port} is in use: {self.name} needs another.")
            return self._wanted_port
        kept = int(self._state.get("port", 0))
        return kept if kept and is_free(kept) else any_free()

    def _tail(self) -> str:
        """The end of the log, for messages."""
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-8:])
