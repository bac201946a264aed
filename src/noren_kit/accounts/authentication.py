"""Bearer tokens for Django REST framework: who is calling, and their tenant entered.

One statement reads the caller's standing and sets the tenant (`standing.py`); a right that was
taken away is gone on the next request, whatever the token still says.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from noren_kit.accounts import tokens
from noren_kit.accounts.standing import Standing, enter_standing
from noren_kit.core.errors import Forbidden, InvalidInput

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


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>` (RFC 6750, section 2.1)."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[Caller, dict[str, Any]] | None:
        scheme, _space, credential = get_authorization_header(request).partition(b" ")
        if scheme.lower() != self.keyword.lower().encode():
            if request.headers.get(TENANT_HEADER) is not None and not scheme:
                raise Forbidden(_("Only platform staff may name a tenant."))
            if scheme:
                raise AuthenticationFailed(_("This kind of credential is not known here."))
            return None
        try:
            claims = tokens.decode(credential.decode("ascii"), "access")
            user_id = tokens.claimed_id(claims, "user_id")
            session_id = tokens.claimed_id(claims, "sid")
            tenantless = claims.get("tenant_id") is None
            tenant_id = None if tenantless else tokens.claimed_id(claims, "tenant_id")
        except (tokens.InvalidToken, UnicodeDecodeError):
            raise AuthenticationFailed(_("The token is invalid or has expired.")) from None
        named = self._named_tenant(request)
        standing = enter_standing(
            user_id=user_id, session_id=session_id, tenant_id=tenant_id, named_tenant_id=named
        )
        if standing is None:
            raise AuthenticationFailed(_("The token is invalid or has expired."))
        if named is not None and not standing.actor.is_superuser:
            raise Forbidden(_("Only platform staff may name a tenant."))
        if named is not None and standing.tenant is None:
            raise InvalidInput.field(TENANT_HEADER, "unknown", _("There is no such tenant."))
        return Caller(standing), claims

    def authenticate_header(self, request: Request) -> str:
        return f'{self.keyword} realm="api"'

    @staticmethod
    def _named_tenant(request: Request) -> uuid.UUID | None:
        value = request.headers.get(TENANT_HEADER)
        if value is None:
            return None
        try:
            return uuid.UUID(value)
        except ValueError:
            # No tenant has the nil UUID: refused like any other unknown one.
            return uuid.UUID(int=0)
