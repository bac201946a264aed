"""Guessing ends after ten tries, for one account from one address, and for nobody else."""

from __future__ import annotations

import random
from contextlib import nullcontext
from typing import Any

import pytest
from django.conf import settings

from noren_kit.accounts.models import FailedSignIn
from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.races import race
from noren_kit.testing.shops import PASSWORD, Client, Shop

TOKEN, CHANGE = "/api/auth/token/", "/api/auth/password/change/"
TRIES = 10


@pytest.fixture(autouse=True)
def locking(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {**settings.NOREN_KIT["LIMITS"], "sign_in_failures": (TRIES, 900)}
    monkeypatch.setitem(settings.NOREN_KIT, "LIMITS", limits)


@pytest.fixture
def address() -> str:
    """One that no other test and no earlier run has used up."""
    return ".".join(["10", *(str(random.randrange(1, 255)) for _part in range(3))])


def sign_in(address: str, name: str, password: str = "wrong") -> Any:
    return Client(REMOTE_ADDR=address).post(TOKEN, {"username": name, "password": password})


def test_after_ten_failures(shop: Shop, address: str) -> None:
    name = shop.users["staff"].username
    for _try in range(TRIES):
        assert_error(sign_in(address, name), 401, "invalid_credentials")
    for password in ("wrong", PASSWORD):
        refused = sign_in(address, f" {name.upper()}", password)
        assert_error(refused, 429, "throttled")
        assert 1 <= int(refused.headers["Retry-After"]) <= 900
    assert FailedSignIn.objects.count() == TRIES, "what is locked is not looked at"
    assert sign_in(address.replace("10.", "11.", 1), name, PASSWORD).status_code == 200
    assert sign_in(address, shop.users["owner"].username, PASSWORD).status_code == 200


def test_known_or_not(shop: Shop, address: str) -> None:
    answers = []
    for name in (shop.users["staff"].username, "nobody"):
        for _try in range(TRIES):
            assert sign_in(address, name).status_code == 401
        answers.append(sign_in(address, name))
    for each in answers:
        each.headers.pop("Retry-After")
    shown = [
        (outward(each).status, each.json()["code"], each.json()["message"]) for each in answers
    ]
    assert shown[0] == shown[1]
    assert shown[0][0] == 429


def test_a_success_clears_it(shop: Shop, address: str) -> None:
    name = shop.users["staff"].username
    for _round in range(2):
        for _try in range(TRIES - 1):
            assert sign_in(address, name).status_code == 401
        assert sign_in(address, name, PASSWORD).status_code == 200


def test_concurrent_guesses_are_no_more(shop: Shop, address: str) -> None:
    name = shop.users["staff"].username
    answers = race(16, nullcontext, lambda: sign_in(address, name).status_code)
    assert sorted(answers) == [401] * TRIES + [429] * 6


def test_the_current_password_is_guessed_no_more_either(shop: Shop, address: str) -> None:
    client = Client(shop.token("staff"), REMOTE_ADDR=address)
    body = {"current_password": "wrong", "new_password": "another horse battery"}
    for _try in range(TRIES):
        assert set(assert_error(client.post(CHANGE, body), 400)) == {"current_password"}
    refused = client.post(CHANGE, {**body, "current_password": PASSWORD})
    assert_error(refused, 429, "throttled")
    assert_error(sign_in(address, shop.users["staff"].username, PASSWORD), 429)
