"""The embedded Redis, with real servers."""

from __future__ import annotations

import os
import signal
import socket
import stat

import pytest
import redis

from noren_kit.stack.errors import AlreadyRunningError, StackError
from noren_kit.stack.redis import ONCE, EmbeddedRedis


def client(server: EmbeddedRedis, **options: object) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True, **options)


def test_restart_keeps_address_and_drops_data(tmp_path):
    with EmbeddedRedis(tmp_path / "a folder" / "redis") as server, client(server) as connection:
        connection.set("key", "value")
        before = server.url
    with EmbeddedRedis(tmp_path / "a folder" / "redis") as server, client(server) as connection:
        assert (server.url, connection.get("key")) == (before, None)


def test_asks_for_the_password_and_listens_on_loopback_only(tmp_path):
    with EmbeddedRedis(tmp_path / "redis") as server:
        with client(server) as connection:
            assert connection.config_get("bind")["bind"] == "127.0.0.1"
            assert connection.config_get("appendonly")["appendonly"] == "no"
            assert connection.config_get("save")["save"] == ""
        refused = pytest.raises(redis.AuthenticationError)
        with redis.Redis(port=server.port, retry=ONCE) as stranger, refused:
            stranger.ping()
        for path in (tmp_path / "redis.json", tmp_path / "redis" / "redis.conf"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_same_folder_is_refused_and_busy_ports_are_avoided(tmp_path):
    with EmbeddedRedis(tmp_path / "redis") as server:
        port = server.port
        with pytest.raises(AlreadyRunningError):
            EmbeddedRedis(tmp_path / "redis").start()
    with socket.create_server(("127.0.0.1", port)):
        with EmbeddedRedis(tmp_path / "redis") as server:
            assert server.port != port
        with pytest.raises(StackError, match=str(port)):
            EmbeddedRedis(tmp_path / "redis", port).start()


def test_killed_server_is_started_again_on_its_port(tmp_path, eventually):
    with EmbeddedRedis(tmp_path / "redis") as server:
        before, url = server.pid, server.url
        os.kill(before, signal.SIGKILL)
        assert eventually(server.ensure_running, 5)
        assert (server.url, server.pid != before) == (url, True)
        with client(server) as connection:
            assert connection.ping()
