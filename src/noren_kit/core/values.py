"""Texts of the environment as values; ValueError says what is wrong, and not what was given.

Each parser's name is the type that documentation states.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from environ import Env

TRUE, FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
POSTGRESQL = ("postgres", "postgresql", "psql", "pgsql")
REDIS = ("redis", "rediss", "unix")


def text(given: str) -> str:
    return given


def lines(given: str) -> str:
    r"""Text in which the two characters `\n` stand for an end of line."""
    return given.replace("\\n", "\n")


def flag(given: str) -> bool:
    """True or false, and nothing else: a misspelt `ture` is not silently false."""
    word = given.strip().lower()
    if word not in TRUE | FALSE:
        raise ValueError("is neither true nor false")
    return word in TRUE


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number between these."""

    def parse(given: str) -> int:
        digits = given.strip()
        if not (digits.isascii() and digits.isdigit() and least <= int(digits[:20]) <= most):
            raise ValueError(f"is no whole number between {least} and {most}")
        return int(digits)

    return parse


def positive(given: str) -> float:
    """A number above zero."""
    try:
        number = float(given)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError("is no number above zero")
    return number


def share(given: str) -> float:
    """A number from 0, none, to 1, all."""
    try:
        number = float(given)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError("is no number from 0 to 1")
    return number


def one_of(*names: str) -> Callable[[str], str]:
    """One of these, in upper or lower case."""

    def parse(given: str) -> str:
        word = given.strip().upper()
        if word not in names:
            raise ValueError(f"is none of {', '.join(names)}")
        return word

    return parse


def items(given: str) -> list[str]:
    """What stands between commas."""
    return [item.strip() for item in given.split(",") if item.strip()]


def networks(given: str) -> list[str]:
    """Addresses and networks, IPv4 or IPv6."""
    found = items(given)
    for item in found:
        try:
            ipaddress.ip_network(item)
        except ValueError as error:
            raise ValueError(f"{error}") from error
    return found


def origins(given: str) -> list[str]:
    """Origins as in RFC 6454: `https://host` or `https://host:port`."""
    found = items(given)
    for item in found:
        parts = urlsplit(item)
        if parts.scheme not in ("http", "https") or item != f"{parts.scheme}://{parts.netloc}":
            raise ValueError(f"{item!r} is no origin such as https://shop.example")
        if "*" in item or "@" in item or not parts.hostname:
            raise ValueError(f"{item!r} is no origin such as https://shop.example")
    return found


def _url(given: str, schemes: tuple[str, ...]) -> None:
    if urlsplit(given).scheme not in schemes:
        raise ValueError(f"does not begin with {schemes[0]}://")


def folder_url(given: str) -> str:
    """An http address that paths are put behind: it ends with a slash, which is added."""
    _url(given, ("https", "http"))
    parts = urlsplit(given)
    if not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is no address such as https://cdn.example/")
    _port_of(given)
    return given.rstrip("/") + "/"


def redis_url(given: str) -> str:
    """The address of a Redis database; `rediss://` for TLS."""
    _url(given, REDIS)
    parts = urlsplit(given)
    if parts.scheme != "unix" and not parts.hostname:
        raise ValueError("names no host")
    _port_of(given)
    return given


def _port_of(given: str) -> int | None:
    try:
        return urlsplit(given).port
    except ValueError as error:
        raise ValueError("has no port between 0 and 65535") from error


def database_url(given: str) -> dict[str, Any]:
    """The address of a PostgreSQL database as Django's settings.

    What stands behind `?` is handed to libpq: `sslmode=verify-full&sslrootcert=/etc/ca.pem`.
    """
    _url(given, POSTGRESQL)
    _port_of(given)
    found: dict[str, Any] = dict(Env.db_url_config(given))
    if not found.get("NAME"):
        raise ValueError("names no database")
    if not found.get("USER"):
        raise ValueError("names no role")
    return found | {"ENGINE": "django.db.backends.postgresql"}
