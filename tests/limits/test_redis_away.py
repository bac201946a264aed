"""Redis stopped, paused, full, flushed, read-only: no failure, no hanging, and never no limit."""

from __future__ import annotations

import os
import signal
import time

import pytest
import redis
from served import TAGS, Served, bearer, served

from noren_kit.limits.counting import Counter, Limit
from noren_kit.stack.redis import ONCE, EmbeddedRedis
from noren_kit.testing.shops import Shop

WORKERS, LIMIT = 2, 30
# A tenth of the limit in each process.
ALLOWANCE = WORKERS * LIMIT // 10
LIMITS = f"credential={LIMIT}/600"


def crowd(server: Served, shop: Shop, role: str, count: int = 40) -> dict[int, int]:
    return dict(server.crowd(TAGS, [[bearer(shop.token(role))]] * count))


def until_counted_in_redis(client: redis.Redis, server: Served, token: str) -> None:
    """Processes find Redis again by and by, each a second after its last failure."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        client.flushdb()
        for _ in range(4 * WORKERS):
            server.get(TAGS, bearer(token))
        counted = sum(int(client.get(key)) for key in client.keys("limit:*"))
        if counted == 4 * WORKERS:
            return
    raise AssertionError("Requests are not counted in Redis again.")


def test_a_stopped_redis(
    monkeypatch: pytest.MonkeyPatch, redis_server: EmbeddedRedis, shop: Shop
) -> None:
    with served(monkeypatch, redis_server, workers=WORKERS, LIMITS=LIMITS) as server:
        assert crowd(server, shop, "staff") == {200: LIMIT, 429: 10}
        redis_server.stop()
        away = crowd(server, shop, "owner")
        assert set(away) <= {200, 429}
        assert 1 <= away[200] <= ALLOWANCE
        # The allowance is for the whole window and not for each pause.
        time.sleep(1.1)
        assert away[200] + crowd(server, shop, "owner").get(200, 0) <= ALLOWANCE
        redis_server.start()
        with redis.Redis.from_url(redis_server.url) as client:
            until_counted_in_redis(client, server, shop.token("viewer"))
        assert crowd(server, shop, "owner") == {200: LIMIT, 429: 10}


def test_a_paused_redis(
    monkeypatch: pytest.MonkeyPatch, redis_server: EmbeddedRedis, shop: Shop
) -> None:
    with served(monkeypatch, redis_server, workers=WORKERS, LIMITS=LIMITS) as server:
        assert server.get(TAGS, bearer(shop.token("viewer"))).status == 200
        os.kill(redis_server.pid, signal.SIGSTOP)
        try:
            away = crowd(server, shop, "owner")
        finally:
            os.kill(redis_server.pid, signal.SIGCONT)
        assert set(away) <= {200, 429}
        assert 1 <= away[200] <= ALLOWANCE
        with redis.Redis.from_url(redis_server.url) as client:
            until_counted_in_redis(client, server, shop.token("viewer"))


@pytest.fixture
def client(redis_server: EmbeddedRedis) -> redis.Redis:
    return redis.Redis.from_url(redis_server.url, socket_timeout=5, retry=ONCE)


TEN, TWENTY = Limit("ten", 10, 600), Limit("twenty", 20, 600)


def passed(counter: Counter, key: str, limit: Limit = TWENTY, tries: int = 30) -> int:
    return sum(counter.count(key, limit).allowed for _ in range(tries))


def test_a_flush_of_keys_and_scripts(client: redis.Redis) -> None:
    counter = Counter(client)
    assert passed(counter, "a") == 20
    client.flushall()
    client.script_flush()
    assert passed(counter, "a") == 20


def test_a_key_without_an_end_gets_one(client: redis.Redis) -> None:
    counter = Counter(client)
    counter.count("c", TWENTY)
    client.persist("limit:c")
    assert counter.count("c", TWENTY).used == 2
    assert 0 < client.pttl("limit:c") <= 600_000


@pytest.mark.parametrize("fault", ["full", "read-only", "password changed"])
def test_a_redis_that_refuses(client: redis.Redis, fault: str, redis_server: EmbeddedRedis) -> None:
    counter = Counter(client)
    assert counter.count("b", TWENTY).limit == TWENTY
    with redis.Redis.from_url(redis_server.url) as other:
        if fault == "full":
            other.config_set("maxmemory-policy", "noeviction")
            other.config_set("maxmemory", "1")
        elif fault == "read-only":
            other.replicaof("127.0.0.1", "1")
        else:
            other.config_set("requirepass", "another")
            other.client_kill_filter(_type="normal", skipme=True)
        assert passed(counter, "b") == 3
    assert not counter.read("b", TWENTY).allowed


def test_it_is_logged_once_and_not_for_every_request(
    redis_server: EmbeddedRedis, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    counter = Counter(client)
    redis_server.stop()
    with caplog.at_level("WARNING", "noren.limits"):
        assert passed(counter, "c", TWENTY, 200) == 3
    assert len([record for record in caplog.records if record.name == "noren.limits"]) == 1


def test_keys_end(client: redis.Redis) -> None:
    """Also one that was left without an end, or with a later one than its limit has."""
    counter = Counter(client)
    client.set("limit:endless", 3)
    client.set("limit:long", 3, ex=90_000)
    for key in ("fresh", "endless", "long"):
        counter.count(key, TEN)
        assert 0 < client.ttl(f"limit:{key}") <= 600
    assert counter.count("endless", TEN).used == 5


def test_reading_does_not_count_and_forgetting_starts_afresh(
    redis_server: EmbeddedRedis, client: redis.Redis
) -> None:
    counter = Counter(client)
    for _with_redis in (True, False):
        assert counter.read("d", TWENTY).used == 0
        for _ in range(25):
            counter.count("d", TWENTY)
        assert counter.read("d", TWENTY).used == counter.read("d", TWENTY).used == 25
        assert counter.read("d", TWENTY).remaining == 0
        counter.forget("d")
        assert counter.read("d", TWENTY).used == 0
        redis_server.stop()


def test_no_allowance_is_above_its_limit(redis_server: EmbeddedRedis, client: redis.Redis) -> None:
    counter = Counter(client)
    redis_server.stop()
    for most, share in ((0, 0), (1, 1), (9, 3), (50, 5)):
        assert passed(counter, str(most), Limit("x", most, 60)) == share
