"""Signing keys change without anybody having to sign in again."""

from __future__ import annotations

import pytest
from django.conf import settings

from noren_kit.accounts.keys import key_ring, signing_key
from noren_kit.core.keys import new_private_key
from noren_kit.testing.shops import Client, Shop

ME = "/api/auth/me/"


def use_keys(monkeypatch: pytest.MonkeyPatch, *pems: str) -> None:
    monkeypatch.setitem(settings.NOREN_KIT, "JWT_PRIVATE_KEY", "\n".join(pems))


def test_a_rotated_key_still_verifies_until_it_is_dropped(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = new_private_key(), new_private_key()
    use_keys(monkeypatch, old)
    before = shop.token("owner")
    use_keys(monkeypatch, new, old)
    after = shop.token("owner")
    assert Client(before).get(ME).status_code == 200
    assert Client(after).get(ME).status_code == 200
    use_keys(monkeypatch, new)
    assert Client(before).get(ME).status_code == 401
    assert Client(after).get(ME).status_code == 200


def test_the_first_key_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    use_keys(monkeypatch, new_private_key(), new_private_key())
    assert next(iter(key_ring())) == signing_key().kid


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN X-----\nAA\n-----END X-----"])
def test_what_is_no_key_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    use_keys(monkeypatch, text)
    with pytest.raises((TypeError, ValueError)):
        signing_key()


def test_public_halves_as_json_web_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    use_keys(monkeypatch, new_private_key())
    jwk = signing_key().jwk
    assert {name: jwk[name] for name in ("kty", "crv", "alg", "use")} == {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "use": "sig",
    }
    assert jwk["kid"] == signing_key().kid
    assert "d" not in jwk
