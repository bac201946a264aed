"""Who is asking: forwarding headers count from configured proxies, and no others."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory, override_settings

from noren_kit.observability.addresses import address_group, client_address, trusted_proxies

PROXIES = ["10.0.0.0/8", " 127.0.0.1", "2001:db8:ffff::/48"]


def seen(peer: str, forwarded: str | None, proxies: Sequence[str] = PROXIES) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    with override_settings(NOREN_KIT={"TRUSTED_PROXIES": list(proxies)}):
        return client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("192.0.2.1", "10.0.0.1, 127.0.0.1", "192.0.2.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.1, 198.51.100.1, 10.9.9.9,127.0.0.1", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("10.0.0.1", "198.51.100.1, , ,", "198.51.100.1"),
        ("10.0.0.1", ",,,", "10.0.0.1"),
        # A hop that is none: the proxy that reported it answers for it.
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "198.51.100.1, 0x7f.1", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, 010.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, 3221225985", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, 192.0.2.1/32", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, １９２.0.2.1", "10.0.0.1"),
        ("10.0.0.1", '198.51.100.1, "', "10.0.0.1"),
        # Ports, brackets, interfaces, IPv4 inside IPv6.
        ("10.0.0.1", "192.0.2.1:4711", "192.0.2.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "[2001:DB8::0:1]", "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "fe80::1%eth0", "fe80::1"),
        ("10.0.0.1", "::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:10.0.0.1", "198.51.100.1, ::ffff:10.0.0.2", "198.51.100.1"),
        ("::ffff:192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("2001:db8:ffff::9", "2001:db8::1", "2001:db8::1"),
        # A server behind a socket file names no peer.
        ("", "198.51.100.1", ""),
        ("unix:", "198.51.100.1", "unix:"),
    ],
)
def test_the_callers_address(peer: str, forwarded: str | None, address: str) -> None:
    assert seen(peer, forwarded) == address


def test_nobody_is_trusted_unless_named() -> None:
    assert seen("127.0.0.1", "198.51.100.1", proxies=[]) == "127.0.0.1"


def test_a_long_chain_ends() -> None:
    assert seen("10.0.0.1", "10.0.0.1," * 100_000) == "10.0.0.1"


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("", ""),
    ],
)
def test_what_counts_as_one_caller(address: str, group: str) -> None:
    assert address_group(address) == group


@pytest.mark.parametrize("network", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33", "*"])
def test_what_is_no_network_is_named(network: str) -> None:
    with (
        override_settings(NOREN_KIT={"TRUSTED_PROXIES": ["127.0.0.1", network]}),
        pytest.raises(ImproperlyConfigured) as caught,
    ):
        trusted_proxies()
    assert network in str(caught.value)
    assert "TRUSTED_PROXIES" in str(caught.value)
