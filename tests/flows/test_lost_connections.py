"""A connection that PostgreSQL has closed costs no answer, and no question before each."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection

from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import Client, Shop

URL = "/api/v1/tags/"


@pytest.fixture
def client(shop: Shop) -> Client:
    return shop.client("staff")


def end_back_end(owner: OwnerConnection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (process,) = cursor.fetchone()
    assert owner.admin is not None
    owner.admin.execute("SELECT pg_terminate_backend(%s, 5000)", [process])


def test_a_kept_answer_comes_over_a_new_connection(client: Client, owner: OwnerConnection) -> None:
    client.post(URL, {"name": "white"})
    first = client.get(URL)
    end_back_end(owner)
    second = client.get(URL)
    assert (second.status_code, second.headers["Cache-Status"]) == (200, "noren; hit")
    assert second.content == first.content


def test_so_does_a_new_one(client: Client, owner: OwnerConnection) -> None:
    client.get(URL)
    end_back_end(owner)
    assert client.post(URL, {"name": "green"}).status_code in (201, 503)
    end_back_end(owner)
    assert client.get(URL).status_code == 200


def test_a_back_end_that_ends_right_after_its_commit(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver then finds two results: nobody knows, so it is 503, and the key tells."""
    commit = psycopg.Connection.commit

    def ended(self: psycopg.Connection) -> None:
        commit(self)
        raise psycopg.InternalError("received 2 results from command 'COMMIT'")

    key = {"Idempotency-Key": "ended"}
    with monkeypatch.context() as patching:
        patching.setattr(psycopg.Connection, "commit", ended)
        refused = client.post(URL, {"name": "blue"}, headers=key)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    again = client.post(URL, {"name": "blue"}, headers=key)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
