"""Limits hold exactly: many requests at once, several processes, forged addresses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from served import NOWHERE, TAGS, Served, bearer, served

from noren_kit.stack.redis import EmbeddedRedis
from noren_kit.testing.shops import Shop

LOOPBACK = "127.0.0.1"


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, redis.Redis]]:
    """A server that lets ten requests of anybody through, and the Redis that it counts in."""
    with (
        EmbeddedRedis(tmp_path_factory.mktemp("limits") / "redis") as own,
        pytest.MonkeyPatch.context() as environment,
        served(environment, own, LIMITS="credential=10/600,anonymous=10/600") as server,
        redis.Redis.from_url(own.url) as client,
    ):
        yield server, client


@pytest.fixture
def server(counted: tuple[Served, redis.Redis]) -> Served:
    """That server, which has counted nothing yet."""
    counted[1].flushall()
    return counted[0]


def forwarded(*hops: str) -> tuple[str, str]:
    return ("X-Forwarded-For", ", ".join(hops))


def test_ninety_requests_of_one_credential_against_a_limit_of_ten(
    server: Served, shop: Shop, neighbour: Shop
) -> None:
    # Two sign-ins of one person are one credential.
    tokens = [shop.token("owner"), shop.token("owner")]
    own = [[bearer(tokens[number % 2]), forwarded(f"10.0.0.{number}")] for number in range(90)]
    assert server.crowd(TAGS, own) == {200: 10, 429: 80}
    others = [shop.token("staff"), neighbour.token("owner")]
    assert server.crowd(TAGS, [[bearer(token)] for token in others]) == {200: 2}


def test_forged_addresses_pass_no_more(server: Served) -> None:
    same = [[forwarded("192.0.2.1")] for _ in range(30)]
    different = [[forwarded(f"192.0.2.{number}", "::1")] for number in range(30)]
    first = server.crowd(TAGS, same)
    assert first == {401: 10, 429: 20}
    assert server.crowd(TAGS, different) == {429: 30}
    for name in ("Forwarded", "X-Real-IP", "True-Client-IP", "X_Forwarded_For"):
        assert server.get(TAGS, (name, "192.0.2.99")).status == 429


def test_unknown_paths_and_dead_tokens_count_too(server: Served) -> None:
    assert server.crowd(NOWHERE, [[] for _ in range(4)]) == {404: 4}
    dead = [[bearer(f"dead-{number}")] for number in range(40)]
    assert server.crowd(TAGS, dead) == {401: 6, 429: 34}
    assert server.crowd(NOWHERE, [[] for _ in range(10)]) == {429: 10}
    assert server.crowd("/health/live/", [[] for _ in range(30)]) == {200: 30}


def test_behind_a_trusted_proxy_its_report_counts(
    monkeypatch: pytest.MonkeyPatch, redis_server: EmbeddedRedis
) -> None:
    proxies = f"{LOOPBACK}, 10.0.0.0/8"
    with served(
        monkeypatch, redis_server, LIMITS="anonymous=5/600", TRUSTED_PROXIES=proxies
    ) as server:
        for address in ("192.0.2.1", "192.0.2.2:5000", "2001:db8::1"):
            callers = [[forwarded(address)]] * 9
            assert server.crowd(TAGS, callers) == {401: 5, 429: 4}, address
        # What the caller wrote itself stands left of what the proxy saw.
        forged = [[forwarded(f"198.51.100.{number}", "192.0.2.3")] for number in range(30)]
        assert server.crowd(TAGS, forged) == {401: 5, 429: 25}
        twice = [
            [forwarded(f"198.51.100.{number}"), forwarded("192.0.2.4", "10.1.1.1")]
            for number in range(30)
        ]
        assert server.crowd(TAGS, twice) == {401: 5, 429: 25}
        same_network = [[forwarded(f"2001:db8:0:7::{number:x}")] for number in range(1, 31)]
        assert server.crowd(TAGS, same_network) == {401: 5, 429: 25}
