"""What a value of the environment must hold, and what production refuses of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from noren_kit.accounts.keys import ring
from noren_kit.core import values
from noren_kit.db.role_names import APP, BACKUP, OWNER, PLATFORM
from noren_kit.limits.policies import parse_limits

Database = dict[str, Any]
_KEY_CHARACTERS, _KEY_VARIETY = 50, 10
_PLACEHOLDERS = ("django-insecure", "change", "example", "secret", "only-for-tests", "default")


def private_keys(given: str) -> str:
    pems = values.lines(given)
    try:
        keys = ring(pems)
    except (TypeError, ValueError, ImproperlyConfigured) as error:
        raise ValueError("holds no Ed25519 private key in PEM form") from error
    if not keys:
        raise ValueError("holds no Ed25519 private key in PEM form")
    return pems


def limits(given: str) -> dict[str, tuple[int, int]]:
    try:
        return parse_limits(given)
    except ImproperlyConfigured as error:
        raise ValueError(str(error).removeprefix("LIMITS: ").removesuffix(".")) from error


def weak_key(key: str) -> Iterator[str]:
    if len(key) < _KEY_CHARACTERS or len(set(key)) < _KEY_VARIETY:
        yield f"is weak: {_KEY_CHARACTERS} random characters or more are needed"
    elif any(word in key.lower() for word in _PLACEHOLDERS):
        yield "is a placeholder, not a random text"


def debugging(value: bool) -> Iterator[str]:
    if value:
        yield "must not be on in production"


def wild_hosts(hosts: list[str]) -> Iterator[str]:
    if not hosts:
        yield "names no host"
    if any("*" in host for host in hosts):
        yield "must name its hosts; * would accept any"


def open_proxies(networks: list[str]) -> Iterator[str]:
    if any(ipaddress.ip_network(network).prefixlen == 0 for network in networks):
        yield "must name your proxies; this trusts every address"


def without_tls(origins: list[str]) -> Iterator[str]:
    if any(origin.startswith("http:") for origin in origins):
        yield "must hold https origins alone"


def privileged(database: Database) -> Iterator[str]:
    user = database.get("USER")
    if user in {"postgres", OWNER, PLATFORM, BACKUP}:
        yield f"logs in as {user}, whom row-level security does not bind; it must be {APP}"
