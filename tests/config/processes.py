"""Real processes with an environment of their own, and an environment fit for production."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping

from noren_kit.core.keys import new_private_key

PRODUCTION = "noren.config.settings.production"
NOREN = (sys.executable, "-m", "noren.cli")
_OF_THE_MACHINE = ("PATH", "PYTHONPATH", "HOME", "LANG", "TMPDIR")
_SERVERS = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATABASE_RELAY_URL",
    "DATABASE_PLATFORM_URL",
    "REDIS_URL",
)


def production(**changes: str | None) -> dict[str, str]:
    """The test's servers under production settings; None leaves a variable out."""
    given: dict[str, str | None] = {
        **{name: os.environ[name] for name in _OF_THE_MACHINE if name in os.environ},
        **{name: os.environ[name] for name in _SERVERS},
        "DJANGO_SETTINGS_MODULE": PRODUCTION,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "JWT_PRIVATE_KEY": new_private_key(),
        "ALLOWED_HOSTS": "api.shop.example",
        "TRUSTED_PROXIES": "127.0.0.1",
    }
    return {name: value for name, value in (given | changes).items() if value is not None}


def run(argv: tuple[str, ...], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run to its end; one that serves instead of refusing is cut off after a minute."""
    return subprocess.run(
        argv, env=dict(environment), capture_output=True, text=True, timeout=60, check=False
    )
