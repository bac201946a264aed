"""Access and refresh tokens (RFC 7519), signed with ES256, and the sessions behind them.

The shapes and claims are simplejwt's, which the field knows. Tokens are made and read by
PyJWT directly: simplejwt's refresh lets parallel exchanges of one token all succeed, and its
classes sign with one key that is read once at import (ADR 0005).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from noren_kit.accounts.models import SignInSession, User
from noren_kit.accounts.rights import STAFF_ROLES
from noren_kit.accounts.standing import Affiliation
from noren_kit.core.conf import conf
from noren_kit.core.ids import uuid7

ALGORITHM = "ES256"
# A few seconds of clock difference between machines; RFC 7519, section 4.1.4.
_LEEWAY_SECONDS = 0


class InvalidToken(Exception):
    """The token is not one of ours, is past its time, or its session is over."""


@dataclass(frozen=True, slots=True)
class Pair:
    access: str
    refresh: str


@lru_cache(maxsize=4)
def _key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("JWT_PRIVATE_KEY must be an EC private key (P-256) in PEM form.")
    return key


@lru_cache(maxsize=4)
def _public_key(pem: str) -> ec.EllipticCurvePublicKey:
    return _key(pem).public_key()


def _encode(kind: str, lifetime: int, claims: Mapping[str, Any], jti: uuid.UUID) -> str:
    now = timezone.now()
    body = {
        **claims,
        "token_type": kind,
        "jti": str(jti),
        "iat": now,
        "exp": now + dt.timedelta(seconds=lifetime),
    }
    return jwt.encode(body, _key(conf.JWT_PRIVATE_KEY), algorithm=ALGORITHM)


def decode(token: str, kind: str) -> dict[str, Any]:
    """The claims of a token of `kind` ("access" or "refresh"); raises `InvalidToken`."""
    try:
        claims = jwt.decode(
            token,
            _public_key(conf.JWT_PRIVATE_KEY),
            algorithms=[ALGORITHM],
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "jti", "sid", "user_id", "token_type"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidToken(str(error)) from error
    if claims["token_type"] != kind:
        raise InvalidToken(f"This is not an {kind} token.")
    return dict(claims)


def claimed_id(claims: Mapping[str, Any], name: str) -> uuid.UUID:
    """An id out of the claims; raises `InvalidToken` for anything else."""
    try:
        return uuid.UUID(claims[name])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidToken(f"{name} is not an id.") from error


def _pair(session: SignInSession, user: User, affiliation: Affiliation | None) -> Pair:
    roles = sorted(affiliation.roles) if affiliation else []
    claims = {
        "user_id": str(user.id),
        "email": user.email,
        "is_staff": bool(STAFF_ROLES.intersection(roles)),
        "tenant_id": str(affiliation.tenant_id) if affiliation else None,
        "tenant_name": affiliation.tenant_name if affiliation else None,
        "roles": roles,
        "sid": str(session.id),
    }
    return Pair(
        access=_encode("access", conf.ACCESS_TOKEN_SECONDS, claims, uuid7()),
        refresh=_encode(
            "refresh",
            conf.REFRESH_TOKEN_SECONDS,
            {key: claims[key] for key in ("user_id", "tenant_id", "sid")},
            session.jti,
        ),
    )


def open_session(*, user: User, affiliation: Affiliation | None) -> Pair:
    """Start a session for a person in a tenant (or in none) and return its first pair."""
    session = SignInSession.objects.create(
        user=user,
        tenant_id=affiliation.tenant_id if affiliation else None,
        jti=uuid7(),
        expires_at=timezone.now() + dt.timedelta(seconds=conf.REFRESH_TOKEN_SECONDS),
    )
    return _pair(session, user, affiliation)


def spend_refresh(token: str) -> tuple[SignInSession, User]:
    """Take a refresh token out of use and give its session a new one; one caller wins.

    Raises `InvalidToken`; a spent token presented again ends its whole session, for that is
    what a thief's copy looks like (RFC 9700, section 4.14). To be called outside of a
    transaction, so that the ending stays when the caller fails.
    """
    claims = decode(token, "refresh")
    session_id, jti = claimed_id(claims, "sid"), claimed_id(claims, "jti")
    now = timezone.now()
    live = SignInSession.objects.filter(id=session_id, ended_at=None, expires_at__gt=now)
    successor = uuid7()
    spent = live.filter(jti=jti).update(
        jti=successor, expires_at=now + dt.timedelta(seconds=conf.REFRESH_TOKEN_SECONDS)
    )
    if not spent:
        live.update(ended_at=now, ending=SignInSession.Ending.REUSED)
        raise InvalidToken("The token was used before.")
    session = SignInSession.objects.select_related("user").get(id=session_id)
    if not session.user.is_active:
        raise InvalidToken("The user is disabled.")
    return session, session.user


def pair_for(session: SignInSession, user: User, affiliation: Affiliation | None) -> Pair:
    """The session's present pair."""
    return _pair(session, user, affiliation)
