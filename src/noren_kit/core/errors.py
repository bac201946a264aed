"""Errors that carry what a client needs: a status, a stable code, a message, details.

Services raise these without knowing HTTP views; the API turns them into the one envelope.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Message = str | Promise


class AppError(Exception):
    """Base of all expected errors. Subclasses state `status`, `code` and `message`."""

    status: int = 500
    code: str = "server_error"
    message: Message = _("The server could not handle the request.")

    def __init__(
        self,
        message: Message | None = None,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if message is not None:
            self.message = message
        self.details = dict(details or {})
        self.headers = dict(headers or {})
        super().__init__(str(self.message))


class InvalidInput(AppError):
    """400: the request's content breaks a rule; `details` maps fields to their faults."""

    status = 400
    code = "validation_error"
    message = _("The request has invalid content.")

    @classmethod
    def field(cls, name: str, code: str, message: Message) -> InvalidInput:
        return cls(details={name: [{"code": code, "message": message}]})


class NotSignedIn(AppError):
    status = 401
    code = "not_authenticated"
    message = _("Sign in to do this.")


class Forbidden(AppError):
    status = 403
    code = "permission_denied"
    message = _("You may not do this.")


class NotFound(AppError):
    status = 404
    code = "not_found"
    message = _("There is no such object.")


class Conflict(AppError):
    """409: the request is well formed but contradicts the present state."""

    status = 409
    code = "conflict"
    message = _("The request conflicts with the present state.")


class Duplicate(Conflict):
    code = "duplicate"
    message = _("Another object already has this value.")


class InUse(Conflict):
    code = "in_use"
    message = _("Other objects still refer to this one.")


class Unavailable(AppError):
    """503: something this request depends on is away; worth trying again."""

    status = 503
    code = "unavailable"
    message = _("The service is busy or partly down. Try again shortly.")

    def __init__(
        self,
        message: Message | None = None,
        *,
        retry_after: int = 1,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, details=details, headers={"Retry-After": str(retry_after)})
