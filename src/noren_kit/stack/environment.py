"""The environment of the stack's processes, and the secrets it is made of.

Everything a process must know comes to it as an environment variable, as in production. What the
person at the keyboard has set wins, unchanged; the rest is generated once and kept in one file.
"""

import secrets as random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from noren_kit.core.keys import new_private_key
from noren_kit.db import roles
from noren_kit.stack.errors import StackError
from noren_kit.stack.private import DirectoryLock, read_json, write_json

DATABASE = "noren"
NEEDED_URLS = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_RELAY_URL")
NOWHERE = "127.0.0.1:1"


def kept_secrets(home: Path) -> dict[str, Any]:
    """Return this stack's secrets from secrets.json (mode 0600), made on first use."""
    path = home / "secrets.json"
    secrets = read_json(path)
    wanted = {"passwords", "SECRET_KEY", "JWT_PRIVATE_KEY"}
    if wanted <= secrets.keys() and secrets["passwords"].keys() >= set(roles.LOGIN_ROLES):
        return secrets
    secrets.setdefault("SECRET_KEY", random.token_urlsafe(50))
    secrets.setdefault("JWT_PRIVATE_KEY", new_private_key())
    secrets["passwords"] = roles.new_passwords() | secrets.get("passwords", {})
    write_json(path, secrets)
    return secrets


def outside_database(outside: Mapping[str, str]) -> dict[str, str]:
    """Return the addresses of a database of the user's own; empty if there is none.

    Raises StackError where only some of the needed addresses are set.
    """
    given = {name: outside[name] for name in roles.URL_VARIABLES if outside.get(name)}
    missing = [name for name in NEEDED_URLS if name not in given]
    if given and missing:
        raise StackError(
            f"{' and '.join(given)} set, but not {' nor '.join(missing)}: set one address per "
            "role for a database of your own, or none for the embedded one."
        )
    return given


def application_keys(home: Path, outside: Mapping[str, str]) -> dict[str, str]:
    """Return the keys and where files are: what is set outside, else what is kept in `home`."""
    kept = kept_secrets(home)
    names = ("SECRET_KEY", "JWT_PRIVATE_KEY")
    keys = {name: outside.get(name) or str(kept[name]) for name in names}
    media = outside.get("MEDIA_FOLDER") or str(home / "media")
    return keys | {"NOREN_HOME": str(home), "MEDIA_FOLDER": media}


def placeholders() -> dict[str, str]:
    """Return settings that let Django start, for commands that reach no server."""
    passwords = dict.fromkeys(roles.LOGIN_ROLES, "none")
    urls = roles.role_urls(f"postgres://{NOWHERE}", DATABASE, passwords)
    keys = {"SECRET_KEY": random.token_urlsafe(50), "JWT_PRIVATE_KEY": new_private_key()}
    return urls | keys | {"REDIS_URL": f"redis://{NOWHERE}/0"}


def running_stack_lock(home: Path) -> DirectoryLock:
    """Return the lock that a running stack holds."""
    return DirectoryLock(home / "run.lock", f"The stack in {home}")


def running_environment(home: Path) -> dict[str, str]:
    """Return the environment of the stack that runs in this folder; empty if none does."""
    if not running_stack_lock(home).is_held():
        return {}
    content = read_json(home / "stack.json").get("environment", {})
    return {str(name): str(value) for name, value in content.items()}
