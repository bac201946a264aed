"""The keys that sign tokens: Ed25519 (RFC 8037), one that signs and others that still verify.

Signatures of Ed25519 are deterministic, so the same claims always give the same token; a client
that sends a refresh twice within the grace gets the very same pair.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from noren_kit.core.conf import conf

ALGORITHM = "EdDSA"
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.+?-----END [A-Z ]+-----", re.DOTALL)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key with its id, the thumbprint of its public half (RFC 7638)."""

    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey

    @property
    def jwk(self) -> dict[str, str]:
        """The public half as a JSON Web Key (RFC 7517)."""
        return {**_members(self.public), "kid": self.kid, "alg": ALGORITHM, "use": "sig"}


def _members(public: Ed25519PublicKey) -> dict[str, str]:
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": _encoded(raw)}


def _load(pem: str) -> SigningKey:
    private = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError("JWT_PRIVATE_KEY must hold Ed25519 private keys in PEM form.")
    public = private.public_key()
    canonical = json.dumps(_members(public), separators=(",", ":"), sort_keys=True)
    return SigningKey(_encoded(hashlib.sha256(canonical.encode()).digest()), private, public)


@lru_cache(maxsize=4)
def ring(pems: str) -> dict[str, SigningKey]:
    """All keys in a text of keys in PEM form, by id, in their order."""
    keys = [_load(pem) for pem in _PEM.findall(pems)]
    if not keys:
        raise TypeError("JWT_PRIVATE_KEY holds no private key in PEM form.")
    return {key.kid: key for key in keys}


def key_ring() -> dict[str, SigningKey]:
    """All keys by id, the signing one first. To rotate: put a new one in front, drop the last
    once the longest-lived token that it signed has expired."""
    return ring(conf.JWT_PRIVATE_KEY)


def signing_key() -> SigningKey:
    return next(iter(key_ring().values()))
