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


class RowFaults(InvalidInput):
    """400: some of many rows break a rule; `faults` are theirs, by their place among the rows.

    In `details` they stand nested as the input is: `details.rows["2"].price`.
    """

    def __init__(self, faults: Mapping[int, Mapping[str, Any]]) -> None:
        self.faults = dict(faults)
        rows = {str(place): dict(faults[place]) for place in sorted(faults)}
        super().__init__(details={"rows": rows})


def faults_of(error: AppError) -> dict[str, Any]:
    """What an error about one row says of it: faults by member, or of the row as a whole."""
    if isinstance(error, InvalidInput | Duplicate) and error.details:
        return error.details
    fault = {"code": error.code, "message": error.message, **error.details}
    return {"id" if isinstance(error, NotFound) else "non_field_errors": [fault]}


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
