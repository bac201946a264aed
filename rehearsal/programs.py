"""The servers' programs: found, or installed from Debian's packages where we may do that."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noren_kit.stack.errors import StackError

PACKAGES = {
    "postgres": "postgresql",
    "pgbouncer": "pgbouncer",
    "redis-server": "redis-server",
    "nginx": "nginx-light",
    "prometheus": "prometheus",
}
POLICY = Path("/usr/sbin/policy-rc.d")
OLDEST_POSTGRES = 15


def find() -> dict[str, Path]:
    """Return where each program is; what is missing is installed as root on Debian.

    Raises StackError naming what is missing and cannot be installed.
    """
    missing = [name for name in PACKAGES if _location(name) is None]
    if missing:
        _install([PACKAGES[name] for name in missing])
    found = {name: path for name in PACKAGES if (path := _location(name)) is not None}
    missing = [name for name in PACKAGES if name not in found]
    if missing:
        raise StackError(f"{', '.join(missing)}: not to be found even after installing.")
    return found


def _location(name: str) -> Path | None:
    if name == "postgres":
        folders = Path("/usr/lib/postgresql").glob("*/bin/postgres")
        versions = {int(each.parts[-3]): each for each in folders if each.parts[-3].isdigit()}
        newest = max(versions, default=0)
        return versions[newest] if newest >= OLDEST_POSTGRES else None
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))
    found = shutil.which(name, path=places)
    return Path(found) if found else None


def _install(packages: list[str]) -> None:
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise StackError(
            f"Missing here: {', '.join(packages)}. Install these packages (apt-get install "
            f"{' '.join(packages)}), or start this as root on Debian, which does it."
        )
    print(f"installing {', '.join(packages)}", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_services():
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            result = subprocess.run(  # noqa: S603
                [apt, *arguments], env=quiet, capture_output=True, text=True, check=False
            )
            if result.returncode:
                raise StackError(f"apt-get {arguments[0]} failed: {result.stderr[-2000:]}")


@contextmanager
def _no_services() -> Iterator[None]:
    """Keep Debian from starting what it installs (invoke-rc.d asks this script)."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
