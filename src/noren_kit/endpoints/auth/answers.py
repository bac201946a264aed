"""What the calls of `/api/auth/` have in common: the refusal, the pair, the cookie."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response

from noren_kit.accounts import tokens
from noren_kit.accounts.models import User
from noren_kit.accounts.permissions import SignedIn
from noren_kit.accounts.standing import Affiliation
from noren_kit.accounts.tokens import InvalidToken, Pair
from noren_kit.api.viewsets import StrictViewMixin
from noren_kit.core import context
from noren_kit.core.conf import conf
from noren_kit.core.context import Actor
from noren_kit.core.errors import NotSignedIn

COOKIE = "noren_refresh"
COOKIE_PATH = "/api/auth/"
# For the OpenAPI document: an access token, and no API key.
BEARER_ONLY: list[Any] = [{"accessToken": []}]


class BadCredentials(NotSignedIn):
    """One answer for every reason, so that nobody learns which it was."""

    code = "invalid_credentials"
    message = _("These credentials do not open anything here.")

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="api"'})


class InPerson(SignedIn):
    """Signed in by an access token: what is about the person is not for API keys."""

    def has_permission(self, request: Request, view: Any) -> bool:
        actor = context.actor()
        return super().has_permission(request, view) and actor is not None and not actor.is_key


class CountedBySession(StrictViewMixin):
    """Requests are counted for the session whose token is shown: an address may hold many people.

    What is no token of ours is counted for its address.
    """

    limit_class = "refresh"
    shown_as: ClassVar[str] = "refresh"

    def shown_token(self, request: Request) -> str | None:
        given = request.data.get(self.shown_as) if isinstance(request.data, dict) else None
        return str(given) if given else request.COOKIES.get(COOKIE)

    def limit_key(self, request: Request) -> str:
        try:
            claims = tokens.decode(self.shown_token(request) or "", "access", "refresh")
            return f"session:{tokens.claimed_id(claims, 'sid')}"
        except InvalidToken:
            return super().limit_key(request)


def person() -> Actor:
    """Who is signed in; raises `NotSignedIn` where nobody is."""
    actor = context.actor()
    if actor is None:
        raise NotSignedIn
    return actor


def _set_cookie(response: Response, value: str, max_age: int) -> None:
    response.set_cookie(
        COOKIE,
        value,
        max_age=max_age,
        path=COOKIE_PATH,
        secure=True,
        httponly=True,
        samesite="Lax",
    )


def with_cookie(response: Response, pair: Pair) -> Response:
    """Add the refresh token as a cookie that no script reads; nothing of it is to be cached."""
    _set_cookie(response, pair.refresh, conf.REFRESH_TOKEN_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    return response


def signed_out() -> Response:
    """204, and the cookie cleared."""
    response = Response(status=204)
    _set_cookie(response, "", 0)
    return response


def signed_in(user: User, affiliation: Affiliation | None, pair: Pair) -> Response:
    """The answer of a sign-in."""
    body = {
        "access": pair.access,
        "refresh": pair.refresh,
        "user": {
            "id": str(user.id),
            "email": user.email,
            "name": user.display_name,
            "tenant": affiliation
            and {"id": str(affiliation.tenant_id), "name": affiliation.tenant_name},
            "roles": sorted(affiliation.roles) if affiliation else [],
        },
    }
    return with_cookie(Response(body), pair)


def cookie_token(request: Request) -> str | None:
    """The cookie's refresh token, for requests of our own origins alone (beside SameSite)."""
    origin = request.headers.get("Origin")
    own = {f"{request.scheme}://{request.get_host()}", *conf.PUBLIC_ORIGINS}
    if origin is not None and origin not in own:
        return None
    return request.COOKIES.get(COOKIE)
