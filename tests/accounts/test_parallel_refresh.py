"""One refresh token, eight processes at once, many times: one new pair, always the same.

100 rounds in the suite, 1,000 in `make soak`.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from refreshing_client import REFRESH, refresh_on_demand

from noren_kit.accounts import tokens
from noren_kit.accounts.models import SignInSession
from noren_kit.testing.live import Caller
from noren_kit.testing.shops import PASSWORD, Client, Shop

ROUNDS = 1_000 if "NOREN_SOAK" in os.environ else 100
PROCESSES = 8
SIGN_IN, ME = "/api/auth/token/", "/api/auth/me/"


@contextmanager
def processes(base_url: str) -> Iterator[list[Connection]]:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(PROCESSES)
    pipes, running = [], []
    for _number in range(PROCESSES):
        ours, theirs = context.Pipe()
        process = context.Process(
            target=refresh_on_demand, args=(base_url, theirs, start), daemon=True
        )
        process.start()
        pipes.append(ours)
        running.append(process)
    yield pipes
    for pipe in pipes:
        pipe.send(None)
    for process in running:
        process.join(timeout=30)
        assert process.exitcode == 0


def session_of(token: str) -> SignInSession:
    return SignInSession.objects.get(id=tokens.decode(token, "refresh")["sid"])


def test_one_winner_each_time(four_processes: str, shop: Shop) -> None:
    body = {"username": shop.users["staff"].username, "password": PASSWORD}
    pair: dict[str, Any] = Client().post(SIGN_IN, body).json()
    first = pair["refresh"]
    seen = {first}
    base_url = four_processes
    with processes(base_url) as pipes:
        for round_number in range(ROUNDS):
            for pipe in pipes:
                pipe.send(pair["refresh"])
            answers = [pipe.recv() for pipe in pipes]
            assert [status for status, _body in answers] == [200] * PROCESSES, round_number
            bodies = [body for _status, body in answers]
            assert all(body == bodies[0] for body in bodies), "a second winner"
            pair = {name: bodies[0][name] for name in ("access", "refresh")}
            assert pair["refresh"] not in seen
            seen.add(pair["refresh"])
        assert len(seen) == ROUNDS + 1
        assert SignInSession.objects.filter(user=shop.users["staff"]).count() == 1
        assert (
            str(session_of(pair["refresh"]).jti) == tokens.decode(pair["refresh"], "refresh")["jti"]
        )
        caller = Caller(base_url, pair["access"])
        assert caller.get(ME)[0] == 200
        # All but the last are long spent: a copy of any ends the family.
        assert caller.post(REFRESH, {"refresh": first})[0] == 401
        assert caller.get(ME)[0] == 401
        assert caller.post(REFRESH, {"refresh": pair["refresh"]})[0] == 401
        caller.close()
    assert session_of(pair["refresh"]).ending == SignInSession.Ending.REUSED
