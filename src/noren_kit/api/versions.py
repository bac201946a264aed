"""Versions of rows over HTTP: `If-Match` on what changes them, and the same for rows in bulk.

A detail's `ETag` is `"<version>-<digest>"`. The digest changes with everything that is shown,
stock too; `If-Match` is about the version alone (docs/guides/versions.md).
"""

from __future__ import annotations

import re
from typing import Any

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from noren_kit.accounts.permissions import model_of
from noren_kit.api.answer_keys import digest_of, versioned
from noren_kit.api.envelope import dumps
from noren_kit.api.reading import Representation
from noren_kit.core import context
from noren_kit.core.errors import AppError, InvalidInput
from noren_kit.tenancy.models import TenantModel

HEADER = "If-Match"
#: The member of a row in bulk that says which version the client has.
FIELD = "version"
_CHANGES = ("update", "partial_update", "destroy")
# RFC 9110, section 8.8.3.
_TAG = r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
_TAGS = re.compile(rf"[\s,]*{_TAG}(?:\s*,[\s,]*{_TAG})*[\s,]*\Z")
_EACH = re.compile(_TAG)
_OURS = re.compile(r"([0-9]{1,10})(?:-[0-9a-f]*)?\Z")


class PreconditionFailed(AppError):
    """412 (RFC 9110, section 15.5.13): the row is not at the version that the client has."""

    status = 412
    code = "precondition_failed"
    message = _("This was changed meanwhile. Read it again before changing it.")


class PreconditionRequired(AppError):
    """428 (RFC 6585, section 3): the tenant wants to know which version is changed."""

    status = 428
    code = "precondition_required"
    message = _("Say by If-Match, or by the row's version in bulk, which version you change.")


def check_version(row: Any, expected: int | None) -> None:
    """Raise unless `row`, which is locked, is at the version that a caller expects.

    For rows in bulk: `expected` is the row's member `version`, None where it has none, which
    `PreconditionRequired` refuses if the tenant's setting `require_if_match` says so. Raises
    `PreconditionFailed` with the present version in its details.
    """
    if expected is None:
        if context.tenant().require_if_match:
            raise PreconditionRequired
        return
    if row.version != expected:
        raise PreconditionFailed(details={FIELD: row.version})


def named_versions(stated: str) -> frozenset[int] | None:
    """The versions that an `If-Match` names; None for `*`, which any row meets.

    A weak tag names none, nor does one that is not ours (RFC 9110, section 13.1.1: strong
    comparison). A bare `"7"` does. Raises `InvalidInput`.
    """
    if stated.strip() == "*":
        return None
    if not _TAGS.match(stated):
        raise InvalidInput.field(HEADER, "invalid", _("Give entity tags in quotes, or *."))
    strong = (tag for weak, tag in _EACH.findall(stated) if not weak)
    return frozenset(int(ours[1]) for tag in strong if (ours := _OURS.match(tag)))


def tag_written(version: int, response: Any) -> None:
    """Give the answer to a write the `ETag` by which the client may go on."""
    if response.status_code not in (200, 201):
        return
    if isinstance(response, Response):
        response.render()
    response.headers["ETag"] = f'"{versioned(version, digest_of(response.content))}"'


def has_versions(view: Any) -> bool:
    """Whether the rows of a view (class or instance) have versions."""
    model = model_of(view)
    return model is not None and issubclass(model, TenantModel)


def refuse_unread(request: Request, view: Any) -> None:
    """Raise for an `If-Match` on a write that would not look at it."""
    if HEADER not in request.headers or request.method in SAFE_METHODS:
        return
    if getattr(view, "action", None) not in _CHANGES or not has_versions(view):
        raise InvalidInput.field(HEADER, "not_offered", _("If-Match is not looked at here."))


class VersionedRows:
    """Checks the version of a viewset's row before it is changed or deleted."""

    # Of the row that the answer shows.
    shown_version: int | None = None
    request: Any

    def check_precondition(self, row: Any) -> None:
        """Raise unless `row`, which is locked, is one that `If-Match` names."""
        if not has_versions(self):
            return
        stated = self.request.headers.get(HEADER)
        if stated is None:
            check_version(row, None)
            return
        named = named_versions(stated)
        if named is None or row.version in named:
            return
        raise PreconditionFailed(
            details={FIELD: row.version}, headers={"ETag": f'"{self._tag_of(row)}"'}
        )

    def check_before_deleting(self: Any, row: Any) -> None:
        """The same of a row that is not locked yet; it is then, against its key as well."""
        required = context.tenant().require_if_match if has_versions(self) else False
        if not (required or HEADER in self.request.headers):
            return
        rows = self.get_queryset().select_for_update(of=("self",))
        locked = rows.filter(pk=row.pk).first()
        if locked is None:
            raise Http404
        self.check_precondition(locked)

    def _tag_of(self: Any, row: Any) -> str:
        """The entity tag that a GET of the row has now."""
        key = self.detail_key(self.request._request)
        if key is None:
            key = digest_of(dumps(self.shown(row.pk, Representation(self.serializer_class))))
        return versioned(row.version, key)
