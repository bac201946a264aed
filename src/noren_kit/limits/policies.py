"""Which limit a caller meets, and by what it is told apart from others."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from noren_kit.core import context
from noren_kit.core.conf import DEFAULTS, conf
from noren_kit.core.context import Actor
from noren_kit.limits.counting import Limit
from noren_kit.observability.addresses import address_group, client_address

ANONYMOUS, CREDENTIAL, SIGN_IN_FAILURES = "anonymous", "credential", "sign_in_failures"
_HOUR = 3600
_ITEM = re.compile(r"([a-z_]+)=([1-9][0-9]{0,8})/([1-9][0-9]{0,6})", re.ASCII)


def parse_limits(text: str) -> dict[str, tuple[int, int]]:
    """`"anonymous=100/3600,credential=1000/3600"` as requests and seconds by class.

    Raises `ImproperlyConfigured` naming the item that is malformed, unknown or there twice.
    """
    found: dict[str, tuple[int, int]] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ImproperlyConfigured(f"LIMITS: {item!r} is not name=requests/seconds.")
        name = match[1]
        if name not in DEFAULTS["LIMITS"]:
            known = ", ".join(DEFAULTS["LIMITS"])
            raise ImproperlyConfigured(f"LIMITS: {item!r} names none of {known}.")
        if name in found:
            raise ImproperlyConfigured(f"LIMITS: {item!r} states {name} a second time.")
        found[name] = (int(match[2]), int(match[3]))
    return found


def limit_named(name: str) -> Limit:
    """The limit of a class; KeyError where there is no such class."""
    configured: Mapping[str, tuple[int, int]] = conf.LIMITS
    requests, seconds = configured.get(name) or DEFAULTS["LIMITS"][name]
    return _limit(name, requests, seconds)


_limit = lru_cache(maxsize=1024)(Limit)


def address_key(request: HttpRequest) -> str:
    """The caller's address, as it is counted."""
    return address_group(client_address(request))


def caller_limit(request: HttpRequest) -> tuple[str, Limit]:
    """Key and limit of whoever is acting: a credential in its tenant, or an address.

    All sessions of a person in a tenant are one credential; each API key is one of its own.
    """
    actor = context.actor()
    if actor is None:
        return f"{ANONYMOUS}:{address_key(request)}", limit_named(ANONYMOUS)
    tenant = context.tenant_or_none()
    limit = limit_named(CREDENTIAL)
    if tenant is not None and tenant.requests_per_hour is not None:
        limit = _limit(limit.name, tenant.requests_per_hour, _HOUR)
    return f"{CREDENTIAL}:{tenant.id if tenant else '-'}:{_credential(actor)}", limit


def _credential(actor: Actor) -> str:
    return f"key:{actor.credential_id}" if actor.is_key else f"user:{actor.user_id}"


def failures_key(account: str, request: HttpRequest) -> str:
    """The key of failed sign-ins to an account (as typed, folded) from an address.

    Count before the password is looked at and `forget` after a success: so concurrent guesses
    get no more tries than others. The account stands in Redis as a hash.
    """
    digest = hashlib.sha256(account.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{SIGN_IN_FAILURES}:{digest}:{address_key(request)}"
