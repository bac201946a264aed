"""What PostgreSQL's own pid file says, and whether to believe it.

After kill -9 the file stays behind. Its number may by now belong to a stranger, or to a server
that nobody looks after any more. Deleting the file would switch off PostgreSQL's own protection
against two servers over one data directory, so that is never done.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from noren_kit.stack.errors import StackError

FAST_SHUTDOWN_SECONDS = 30.0
IMMEDIATE_SHUTDOWN_SECONDS = 10.0


def recorded_pid(data_dir: Path) -> int | None:
    """Return the process id in the data directory's postmaster.pid, if there is one."""
    try:
        first = (data_dir / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0]
    except FileNotFoundError:
        return None
    return abs(int(first)) if first.strip().lstrip("-").isdigit() else None


def is_server_of(pid: int, data_dir: Path) -> bool:
    """Say whether this living process is PostgreSQL over this data directory."""
    if Path("/proc/self/cwd").exists():
        try:
            # A postmaster works in its data directory; a zombie has none any more.
            return Path(f"/proc/{pid}/cwd").resolve(strict=True) == data_dir.resolve()
        except OSError:
            return False
    command = [shutil.which("ps") or "ps", "-p", str(pid), "-o", "stat=,command="]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return str(data_dir) in result.stdout and not result.stdout.lstrip().startswith("Z")


def end_orphan(data_dir: Path) -> None:
    """End a server that an earlier holder of our lock left behind.

    Raises StackError if it doesn't end even by an immediate shutdown.
    """
    pid = recorded_pid(data_dir)
    if pid is None:
        return
    for number, seconds in (
        (signal.SIGINT, FAST_SHUTDOWN_SECONDS),
        (signal.SIGQUIT, IMMEDIATE_SHUTDOWN_SECONDS),
    ):
        if not is_server_of(pid, data_dir):
            return
        os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while is_server_of(pid, data_dir) and time.monotonic() < deadline:
            time.sleep(0.05)
    if is_server_of(pid, data_dir):
        raise StackError(f"A PostgreSQL left over from before (process {pid}) does not end.")


def environment(data_dir: Path) -> dict[str, str]:
    """Return the environment for a server over this data directory.

    A stale pid file whose number belongs to a stranger of the same user makes PostgreSQL refuse
    to start. Named as its grandparent (as pg_ctl does), that number counts as stale; the check
    of the shared memory, which finds sessions still at work, goes on as ever.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PG") and name not in {"LC_ALL", "LANGUAGE"}
    }
    pid = recorded_pid(data_dir)
    if pid is not None and not is_server_of(pid, data_dir):
        kept["PG_GRANDPARENT_PID"] = str(pid)
    return kept
