"""Access and refresh tokens (RFC 7519), signed by Ed25519, and the sessions behind them.

The shapes and claims are simplejwt's, which the field knows. Tokens are made and read by
PyJWT directly: simplejwt's refresh lets parallel exchanges of one token all succeed, and its
classes sign with one key that is read once at import (ADR 0005).
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jwt
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from noren_kit.accounts.keys import ALGORITHM, ring, signing_key
from noren_kit.accounts.models import SignInSession, User
from noren_kit.accounts.rights import STAFF_ROLES
from noren_kit.accounts.standing import Affiliation, affiliations
from noren_kit.audit.models import AccessEntry
from noren_kit.audit.recording import record
from noren_kit.core.conf import conf
from noren_kit.core.context import Actor
from noren_kit.core.ids import uuid7
from noren_kit.observability.logging import get_logger

_log = get_logger("noren.accounts")


# What a request may be signed in by.
_BEARERS = ("access",)


class InvalidToken(Exception):
    """The token is not one of ours, is past its time, or its session is over."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What a client gets, of the session with that id."""

    access: str
    refresh: str
    session_id: uuid.UUID


def _encode(kind: str, claims: Mapping[str, Any], jti: uuid.UUID, issued: dt.datetime) -> str:
    key = signing_key()
    body = {
        **claims,
        "token_type": kind,
        "jti": str(jti),
        "iat": issued,
        "exp": issued + dt.timedelta(seconds=lifetime_seconds(kind)),
    }
    return jwt.encode(body, key.private, algorithm=ALGORITHM, headers={"kid": key.kid})


def decode(token: str, *kinds: str) -> dict[str, Any]:
    """The claims of a token of one of `kinds` ("access", "refresh"); raises `InvalidToken`."""
    claims = _verified(token, conf.JWT_PRIVATE_KEY)
    if claims["token_type"] not in kinds:
        raise InvalidToken(f"This is no {' or '.join(kinds)} token.")
    if claims["exp"] <= time.time():
        raise InvalidToken("The token has expired.")
    return dict(claims)


@lru_cache(maxsize=1024)
def _verified(token: str, pems: str) -> Mapping[str, Any]:
    """The claims of a token signed by one of these keys, which does not change until it expires."""
    try:
        key = ring(pems)[jwt.get_unverified_header(token)["kid"]]
        claims: dict[str, Any] = jwt.decode(
            token,
            key.public,
            algorithms=[ALGORITHM],
            options={"require": ["exp", "iat", "jti", "sid", "user_id", "token_type"]},
        )
    except (
        jwt.PyJWTError,
        KeyError,
        ValueError,
        TypeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise InvalidToken(str(error)) from error
    issued, expires = claims["iat"], claims["exp"]
    if type(issued) is not int or type(expires) is not int:
        raise InvalidToken("The times are not whole seconds.")
    if claims["token_type"] not in ("access", "refresh"):
        raise InvalidToken("This is a token of another kind.")
    if expires - issued > lifetime_seconds(claims["token_type"]):
        raise InvalidToken("The token lives longer than any of ours.")
    return claims


def lifetime_seconds(kind: str) -> int:
    """How long a token of `kind` lives."""
    seconds: int = conf.ACCESS_TOKEN_SECONDS if kind == "access" else conf.REFRESH_TOKEN_SECONDS
    return seconds


def claimed_id(claims: Mapping[str, Any], name: str) -> uuid.UUID:
    """An id out of the claims; raises `InvalidToken` for anything else."""
    try:
        return uuid.UUID(claims[name])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidToken(f"{name} is not an id.") from error


def claimed_tenant(claims: Mapping[str, Any]) -> uuid.UUID | None:
    """The tenant out of the claims, None where they name none; raises `InvalidToken`."""
    return None if claims.get("tenant_id") is None else claimed_id(claims, "tenant_id")


class Bearer(NamedTuple):
    """Whom an access token names."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    tenant_id: uuid.UUID | None


def bearer_of(token: str) -> tuple[Bearer, Mapping[str, Any]]:
    """Whom an access token names, and its claims; raises `InvalidToken`."""
    claims, bearer = _bearer(token, conf.JWT_PRIVATE_KEY)
    if claims["exp"] <= time.time():
        raise InvalidToken("The token has expired.")
    return bearer, claims


@lru_cache(maxsize=1024)
def _bearer(token: str, pems: str) -> tuple[Mapping[str, Any], Bearer]:
    claims = _verified(token, pems)
    if claims["token_type"] not in _BEARERS:
        raise InvalidToken("This is no access token.")
    user_id, session_id = claimed_id(claims, "user_id"), claimed_id(claims, "sid")
    return claims, Bearer(user_id, session_id, claimed_tenant(claims))


def pair_for(session: SignInSession, user: User, affiliation: Affiliation | None) -> Pair:
    """The session's present pair; the same one whenever it is asked for."""
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
    refreshing = {key: claims[key] for key in ("user_id", "tenant_id", "sid")}
    issued = session.rotated_at
    return Pair(
        access=_encode("access", claims, uuid.uuid5(session.jti, "access"), issued),
        refresh=_encode("refresh", refreshing, session.jti, issued),
        session_id=session.id,
    )


_OPEN = """
INSERT INTO accounts_signinsession
       (id, user_id, tenant_id, jti, rotated_at, created_at, expires_at, ending)
SELECT %(id)s, u.id, %(tenant)s, %(jti)s, %(now)s, %(now)s, %(expires)s, ''
  FROM accounts_user u
 WHERE u.id = %(user)s AND u.is_active AND u.password = %(password)s
   AND (%(beside)s::uuid IS NULL
        OR EXISTS (SELECT FROM accounts_signinsession s
                    WHERE s.id = %(beside)s AND s.user_id = u.id AND s.ended_at IS NULL))
   FOR SHARE OF u
"""


def open_session(
    *, user: User, affiliation: Affiliation | None, beside: uuid.UUID | None = None
) -> Pair:
    """Start a session for a person in a tenant (or in none) and return its first pair.

    Raises `InvalidToken` where the person was disabled, or their password changed, since `user`
    was read: whoever changes one is waited for, so that no session outlives the change. A session
    `beside` another one needs that to be live still; `user` then comes from `hold_person`.
    """
    now = timezone.now()
    session = SignInSession(
        id=uuid7(),
        user=user,
        tenant_id=affiliation.tenant_id if affiliation else None,
        jti=uuid7(),
        rotated_at=now,
        expires_at=now + dt.timedelta(seconds=conf.REFRESH_TOKEN_SECONDS),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            _OPEN,
            {
                "id": session.id,
                "tenant": session.tenant_id,
                "jti": session.jti,
                "now": now,
                "expires": session.expires_at,
                "user": user.id,
                "password": user.password,
                "beside": beside,
            },
        )
        if not cursor.rowcount:
            raise InvalidToken("The person may not sign in any more.")
    return pair_for(session, user, affiliation)


def hold_person(user_id: uuid.UUID) -> User:
    """The person, locked: opening sessions beside others and ending all of them take turns."""
    return User.objects.select_for_update(no_key=True).get(id=user_id)


def end_session(session_id: uuid.UUID, *, user_id: uuid.UUID) -> bool:
    """Sign a person out of one session, its access tokens too; False where it was over."""
    live = SignInSession.objects.filter(id=session_id, user_id=user_id, ended_at=None)
    return bool(live.update(ended_at=timezone.now(), ending=SignInSession.Ending.SIGNED_OUT))


def end_sessions(user_id: uuid.UUID, ending: SignInSession.Ending) -> int:
    """Sign a person out everywhere; returns how many sessions that ended."""
    live = SignInSession.objects.filter(user_id=user_id, ended_at=None)
    return live.update(ended_at=timezone.now(), ending=ending)


def session_of(token: str) -> SignInSession:
    """The session of a token of either kind, live or over, for signing out of it.

    Raises `InvalidToken` where the token is not ours, is past its time, or names no session.
    """
    claims = decode(token, "access", "refresh")
    found = SignInSession.objects.select_related("user").filter(
        id=claimed_id(claims, "sid"), user_id=claimed_id(claims, "user_id")
    )
    session = found.first()
    if session is None:
        raise InvalidToken("There is no such session.")
    return session


_IS_LIVE = """
SELECT EXISTS (SELECT FROM noren_standing(%(user)s, %(session)s, %(tenant)s, NULL))
   AND (%(jti)s::uuid IS NULL
        OR EXISTS (SELECT FROM accounts_signinsession WHERE id = %(session)s AND jti = %(jti)s))
"""


def is_live(token: str) -> bool:
    """Whether a token of either kind would be accepted now; looks and changes nothing."""
    try:
        claims = decode(token, "access", "refresh")
        kind = claims["token_type"]
        values = {
            "user": claimed_id(claims, "user_id"),
            "session": claimed_id(claims, "sid"),
            "tenant": claimed_tenant(claims),
            "jti": claimed_id(claims, "jti") if kind == "refresh" else None,
        }
    except InvalidToken:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_IS_LIVE, values)
        return bool(cursor.fetchone()[0])


def exchange(token: str) -> Pair:
    """A new pair for a refresh token, which is spent by it; one caller wins.

    A client that sends the same token again within the grace (10 s) finds the session as the
    winner left it, and so gets the same pair. Later, a spent token ends its whole session and
    raises `InvalidToken`, for that is what a thief's copy looks like (RFC 9700, section 4.14).
    Where the person's standing is gone the token is not spent: it works again once that is back.
    To be called outside of a transaction, so that the ending stays when the caller fails.
    """
    claims = decode(token, "refresh")
    session_id, jti = claimed_id(claims, "sid"), claimed_id(claims, "jti")
    with transaction.atomic():
        session = _spend(session_id, jti)
        if session is not None:
            return pair_for(session, session.user, _standing_of(session))
    _end_as_reused(session_id)
    raise InvalidToken("The token was used before.")


def _live(session_id: uuid.UUID) -> QuerySet[SignInSession]:
    return SignInSession.objects.filter(id=session_id, ended_at=None, expires_at__gt=timezone.now())


def _spend(session_id: uuid.UUID, jti: uuid.UUID) -> SignInSession | None:
    """The session with a new token in place of `jti`, or None where that was spent before."""
    now = timezone.now()
    spent = (
        _live(session_id)
        .filter(jti=jti)
        .update(
            jti=uuid7(),
            previous_jti=jti,
            rotated_at=now,
            expires_at=now + dt.timedelta(seconds=conf.REFRESH_TOKEN_SECONDS),
        )
    )
    live = _live(session_id).select_related("user")
    if not spent:
        grace = now - dt.timedelta(seconds=conf.REFRESH_GRACE_SECONDS)
        live = live.filter(previous_jti=jti, rotated_at__gt=grace)
    return live.first()


def _standing_of(session: SignInSession) -> Affiliation | None:
    """The session's tenant, None for one without; raises `InvalidToken`."""
    user = session.user
    open_to = {each.tenant_id: each for each in affiliations(user.id)}
    entitled = session.tenant_id is None or session.tenant_id in open_to
    if not user.is_active or not entitled:
        raise InvalidToken("The person may not sign in there any more.")
    return open_to[session.tenant_id] if session.tenant_id is not None else None


def _end_as_reused(session_id: uuid.UUID) -> None:
    with transaction.atomic():
        ended = _live(session_id).update(
            ended_at=timezone.now(), ending=SignInSession.Ending.REUSED
        )
        if ended:
            session = SignInSession.objects.select_related("user").get(id=session_id)
            record_in(AccessEntry.Kind.TOKEN_REUSED, session)


def record_in(kind: AccessEntry.Kind, session: SignInSession) -> None:
    """Add an entry to the log of a session's tenant, by its person; without a tenant, a line
    to the system's own log."""
    if session.tenant_id is None:
        _log.info(kind.value, user_id=str(session.user_id), session_id=str(session.id))
        return
    record(kind, tenant_id=session.tenant_id, actor=actor_of(session.user, session.id))


def actor_of(user: User, session_id: uuid.UUID | None = None) -> Actor:
    """A person as the logs name them, where no request has been let in by a credential."""
    return Actor(user.id, user.display_name, user.email, credential_id=session_id)
