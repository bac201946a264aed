"""The caller's address: forwarding headers count from configured proxies alone.

It stands this low because logs, audit and the networks of API keys need it as well as limits.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, MutableMapping
from functools import lru_cache
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from noren_kit.core.conf import conf

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Whoever has one IPv6 address has the 2⁶⁴ of its network (RFC 6177).
_IPV6_GROUP_BITS = 64


@lru_cache(maxsize=1024)
def parse_address(text: str) -> Address | None:
    """The address of one hop, with or without a port and brackets; None for anything else.

    IPv4 in IPv6 (`::ffff:a.b.c.d`, RFC 4291, section 2.5.5.2) is IPv4; an interface is left out.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=8)
def _parsed(networks: tuple[str, ...]) -> tuple[Network, ...]:
    found = []
    for network in networks:
        try:
            found.append(ipaddress.ip_network(network.strip()))
        except ValueError as error:
            raise ImproperlyConfigured(f"TRUSTED_PROXIES: {error}.") from error
    return tuple(found)


def trusted_proxies() -> tuple[Network, ...]:
    """The configured networks; raises `ImproperlyConfigured` naming one that is none."""
    configured: Iterable[str] = conf.TRUSTED_PROXIES
    return _parsed(tuple(configured))


def _is_trusted(address: Address) -> bool:
    return any(address in network for network in trusted_proxies())


_written = lru_cache(maxsize=1024)(str)


def client_address(request: HttpRequest) -> str:
    """The nearest address that is not a trusted proxy, going back through `X-Forwarded-For`.

    What stands left of an untrusted address was written by it and is not believed. A hop that is
    no address ends the search at the proxy which reported it. Empty where the server names none.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    address = parse_address(peer)
    if address is None:
        return peer
    forwarded = request.headers.get("X-Forwarded-For")
    if not forwarded:
        return _written(address)
    hops = forwarded.split(",")
    while hops and _is_trusted(address):
        hop = hops.pop()
        reported = parse_address(hop)
        if reported is not None:
            address = reported
        elif hop.strip():
            break
    return str(address)


def settle_scheme(environ: MutableMapping[str, Any]) -> None:
    """Take the scheme of a WSGI request from `X-Forwarded-Proto` where a trusted proxy says it.

    The header is gone afterwards, whoever wrote it: nothing that comes later can believe it.
    """
    stated = environ.pop("HTTP_X_FORWARDED_PROTO", None)
    if stated is None:
        return
    address = parse_address(str(environ.get("REMOTE_ADDR", "")))
    if stated in ("http", "https") and address is not None and _is_trusted(address):
        environ["wsgi.url_scheme"] = stated


def address_group(address: str) -> str:
    """What counts as one caller: an IPv4 address, or the /64 network of an IPv6 address."""
    parsed = parse_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, _IPV6_GROUP_BITS), strict=False))
    return address if parsed is None else str(parsed)
