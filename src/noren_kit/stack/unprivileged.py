"""Where and as whom PostgreSQL may run when we are root, which it refuses.

An unprivileged user has to reach the program and own the data, and a checkout below a closed
folder (a home directory, typically) lets it do neither. What it can do is found out by trying
as that user; where it can't, program and data move to a folder that we make for them. Folders
that were there before keep their owners and modes.
"""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from noren_kit.stack.errors import StackError
from noren_kit.stack.process import Account

USER_VARIABLE = "NOREN_POSTGRES_USER"
DEFAULT_USER = "nobody"


def find_account(data_dir: Path) -> Account | None:
    """Return whom to run as: nobody else (None) unless we are root, else the data's owner or
    the user named in NOREN_POSTGRES_USER. Raises StackError if there is no such user.
    """
    if os.geteuid() != 0:
        return None
    if data_dir.exists() and data_dir.stat().st_uid != 0:
        return Account(data_dir.stat().st_uid, data_dir.stat().st_gid)
    name = os.environ.get(USER_VARIABLE, DEFAULT_USER)
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise StackError(
            f"PostgreSQL refuses to run as root and there is no user {name!r}: "
            f"name an unprivileged one in {USER_VARIABLE}."
        ) from error
    if entry.pw_uid == 0:
        raise StackError(f"{USER_VARIABLE}={name} is root itself; PostgreSQL refuses that.")
    return Account(entry.pw_uid, entry.pw_gid)


def run_as(
    account: Account | None, argv: Sequence[str], *, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as that account, from the root folder, and return its result and output."""
    identity = (
        {}
        if account is None
        else {"user": account.uid, "group": account.gid, "extra_groups": list[int]()}
    )
    try:
        return subprocess.run(  # type: ignore[call-overload,no-any-return] # noqa: S603
            argv, cwd="/", env=env, capture_output=True, text=True, check=False, **identity
        )
    except PermissionError as error:
        # The kernel reports a program out of that user's reach in this way too.
        return subprocess.CompletedProcess(list(argv), 126, "", str(error))


def can_run(account: Account | None, program: Path) -> bool:
    """Say whether the account can execute the program, by having it print its version."""
    return run_as(account, [str(program), "--version"]).returncode == 0


def can_write(account: Account | None, folder: Path) -> bool:
    """Say whether the account can create a file in the folder, by creating one."""
    script = 'cd "$1" && : > .probe && rm .probe'
    return run_as(account, ["/bin/sh", "-c", script, "sh", str(folder)]).returncode == 0


def make_private(folder: Path, account: Account | None) -> None:
    """Make a new folder that only the account can enter."""
    folder.mkdir(mode=0o700)
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def refuge(account: Account, key: Path) -> Path:
    """Return a folder of ours that the account can reach, one for each key; made if need be.

    Raises StackError if somebody else has put something at its place.
    """
    persistent = Path("/var/tmp")  # noqa: S108 - kept over restarts; ownership is checked below
    base = persistent if persistent.is_dir() else Path(tempfile.gettempdir())
    digest = hashlib.sha256(os.fsencode(key)).hexdigest()[:12]
    folder = base / f"noren-{account.uid}-{digest}"
    try:
        folder.mkdir(mode=0o711)
        folder.chmod(0o711)
    except FileExistsError:
        found = folder.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if not ours or found.st_mode & 0o022:
            raise StackError(f"{folder} is not ours, so nothing is put there: remove it.") from None
    return folder


def copy_program(source: Path, libraries: Path, target: Path) -> None:
    """Copy an installation with its shared libraries so that everybody can read it.

    Whole or not at all, so that several may do it at once; an existing copy is kept.
    """
    if target.exists():
        return
    with tempfile.TemporaryDirectory(prefix=".copy-", dir=target.parent) as name:
        whole = Path(name) / "whole"
        shutil.copytree(source, whole / source.parent.name / source.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, whole / libraries.name, symlinks=True)
        _open_to_readers(whole)
        try:
            whole.rename(target)
        except OSError:
            if not target.exists():
                raise


def _open_to_readers(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if executable else 0o644)
