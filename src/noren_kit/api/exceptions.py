"""From any exception in a view to the envelope; what is unexpected stays an alarm (500)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.db.models import UniqueConstraint
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from psycopg import errors as pg
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from noren_kit.api.envelope import error_body
from noren_kit.core.errors import AppError, Conflict, Duplicate, InUse, InvalidInput, Unavailable
from noren_kit.observability.logging import get_logger

_log = get_logger("noren.errors")
_OUT_OF_RANGE = (pg.NumericValueOutOfRange, pg.DatetimeFieldOverflow, pg.UntranslatableCharacter)
_BUSY = (pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure, pg.QueryCanceled)


def fault_tree(detail: Any) -> Any:
    """DRF's error detail as the contract's: `{field: [{code, message}]}`, nested by index."""
    if isinstance(detail, Mapping):
        return {str(key): fault_tree(value) for key, value in detail.items()}
    if isinstance(detail, Sequence) and not isinstance(detail, str):
        if any(isinstance(item, Mapping) for item in detail):
            return {str(at): fault_tree(item) for at, item in enumerate(detail) if item}
        return [fault_tree(item) for item in detail]
    return {"code": getattr(detail, "code", "invalid"), "message": str(detail)}


@cache
def _unique_fields() -> dict[str, tuple[str, ...]]:
    """The fields of each unique constraint, but for the tenant.

    PostgreSQL keeps the key to itself where row-level security binds the caller.
    """
    return {
        constraint.name: tuple(name for name in constraint.fields if name != "tenant")
        for model in apps.get_models()
        for constraint in model._meta.constraints
        if isinstance(constraint, UniqueConstraint)
    }


def _from_integrity(error: IntegrityError) -> AppError:
    cause = error.__cause__
    if isinstance(cause, pg.UniqueViolation):
        names = _unique_fields().get(cause.diag.constraint_name or "", ())
        fault = [{"code": "duplicate", "message": Duplicate.message}]
        return Duplicate(details=dict.fromkeys(names, fault))
    if isinstance(cause, pg.ForeignKeyViolation):
        still_used = "still referenced" in (cause.diag.message_detail or "")
        return InUse() if still_used else Conflict(_("An object named here is gone."))
    if isinstance(cause, pg.CheckViolation | pg.NotNullViolation):
        return InvalidInput(details={"constraint": cause.diag.constraint_name or ""})
    raise error


def expected_error(error: Exception) -> AppError | None:
    """The application error that a database error stands for, None where it is a fault."""
    if isinstance(error, AppError):
        return error
    cause = error.__cause__
    if isinstance(error, IntegrityError):
        return _from_integrity(error)
    if isinstance(error, DataError) and isinstance(cause, _OUT_OF_RANGE):
        return InvalidInput(_("A value is out of range."))
    if isinstance(error, OperationalError | InterfaceError):
        _log.warning("database_unavailable", error=str(error), error_class=type(cause).__name__)
        return Unavailable(retry_after=1 if isinstance(cause, _BUSY) else 5)
    return None


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's `EXCEPTION_HANDLER`. None leaves the error to Django (500)."""
    if isinstance(error, Http404):
        error = drf.NotFound()
    elif isinstance(error, PermissionDenied):
        error = drf.PermissionDenied()
    expected = expected_error(error)
    if expected is not None:
        body = error_body(expected.status, expected.code, expected.message, expected.details)
        response = Response(body, status=expected.status, headers=expected.headers)
    elif isinstance(error, drf.APIException):
        response = _from_drf(error)
    else:
        return None
    set_rollback()
    return response


def _from_drf(error: drf.APIException) -> Response:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(error, drf.ValidationError):
        details = fault_tree(error.detail)
        if not isinstance(details, dict):
            details = {"non_field_errors": details}
        body = error_body(400, InvalidInput.code, InvalidInput.message, details)
    elif isinstance(error, drf.NotFound):
        body = error_body(404)
    else:
        body = error_body(error.status_code, str(error.get_codes()), error.detail)
    return Response(body, status=error.status_code, headers=headers)
