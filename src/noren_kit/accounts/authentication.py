"""Credentials for Django REST framework: who is calling, and their tenant entered.

One statement reads the caller's standing and sets the tenant (`standing.py`); a right that was
taken away is gone on the next request, whatever the credential still says.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from noren_kit.accounts import api_keys, tokens
from noren_kit.accounts.standing import Standing, enter_by_key, enter_standing
from noren_kit.accounts.tokens import Bearer
from noren_kit.audit.models import AccessEntry
from noren_kit.audit.recording import record
from noren_kit.core import context
from noren_kit.core.errors import Forbidden, InvalidInput
from noren_kit.observability.addresses import parse_address

TENANT_HEADER = "X-Tenant-ID"


class Caller:
    """`request.user`: a signed-in person's standing in the entered tenant."""

    is_authenticated = True
    is_anonymous = False
    is_active = True

    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        self.pk = standing.actor.user_id

    def __str__(self) -> str:
        return self.standing.actor.name


def refuse_named_tenant(request: Request) -> None:
    """Raises `Forbidden` for a request that names a tenant and may not."""
    if request.headers.get(TENANT_HEADER) is not None:
        raise Forbidden(_("Only platform staff may name a tenant."))


class CredentialAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>` (RFC 6750, section 2.1) or `Api-Key <key>`."""

    def authenticate(self, request: Request) -> tuple[Caller, Any] | None:
        scheme, _space, credential = get_authorization_header(request).partition(b" ")
        kind = scheme.lower()
        if not kind:
            refuse_named_tenant(request)
            return None
        if kind == b"bearer":
            return self._by_token(request, credential)
        if kind == b"api-key":
            return self._by_key(request, credential)
        raise AuthenticationFailed(_("This kind of credential is not known here."))

    @staticmethod
    def bearer(request: Request) -> Bearer | None:
        """Whom the access token names, before anybody was asked whether they still may; or None."""
        scheme, _space, credential = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        try:
            return tokens.bearer_of(credential.decode("ascii"))[0]
        except (tokens.InvalidToken, UnicodeDecodeError):
            return None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'

    @staticmethod
    def _by_key(request: Request, credential: bytes) -> tuple[Caller, None]:
        text = credential.decode("ascii", "replace")
        prefix = api_keys.prefix_of(text)
        standing = prefix and enter_by_key(
            prefix=prefix,
            digest=api_keys.digest_of(text),
            address=parse_address(context.client_address()),
        )
        if not standing:
            raise AuthenticationFailed(_("The key is invalid or has expired."))
        refuse_named_tenant(request)
        if standing.use_is_due and standing.tenant is not None:
            tenant_id, actor = standing.tenant.id, standing.actor
            context.after_request(lambda: api_keys.note_use(tenant_id, actor))
        return Caller(standing), None

    @staticmethod
    def _by_token(request: Request, credential: bytes) -> tuple[Caller, Mapping[str, Any]]:
        try:
            bearer, claims = tokens.bearer_of(credential.decode("ascii"))
        except (tokens.InvalidToken, UnicodeDecodeError):
            raise AuthenticationFailed(_("The token is invalid or has expired.")) from None
        named = _named_tenant(request)
        standing = enter_standing(
            user_id=bearer.user_id,
            session_id=bearer.session_id,
            tenant_id=bearer.tenant_id,
            named_tenant_id=named,
        )
        if standing is None:
            raise AuthenticationFailed(_("The token is invalid or has expired."))
        if named is not None:
            _let_platform_in(request, standing)
        return Caller(standing), claims


def _let_platform_in(request: Request, standing: Standing) -> None:
    if not standing.actor.is_superuser:
        refuse_named_tenant(request)
    if standing.tenant is None:
        raise InvalidInput.field(TENANT_HEADER, "unknown", _("There is no such tenant."))
    record(AccessEntry.Kind.PLATFORM_ENTERED, method=request.method, path=request.path[:200])


def _named_tenant(request: Request) -> uuid.UUID | None:
    value = request.headers.get(TENANT_HEADER)
    if value is None:
        return None
    try:
        return uuid.UUID(value)
    except ValueError:
        # No tenant has the nil UUID: refused like any other unknown one.
        return uuid.UUID(int=0)
