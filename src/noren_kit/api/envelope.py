"""The one shape of every error answer, and its RFC 9457 twin.

Built here for errors of any origin: views, routing, middleware, Django's own refusals.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.encoding import force_str
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from noren_kit.core import context

JSON = "application/json"
PROBLEM = "application/problem+json"

# Codes of errors that are known by their status alone.
CODES = {
    400: "bad_request",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    429: "throttled",
    431: "headers_too_large",
    500: "server_error",
    503: "unavailable",
}
MESSAGES = {
    400: gettext_lazy("The request is malformed."),
    401: gettext_lazy("Sign in to do this."),
    403: gettext_lazy("You may not do this."),
    404: gettext_lazy("There is no such object."),
    405: gettext_lazy("This method is not allowed here."),
    406: gettext_lazy("None of the accepted formats can be given."),
    413: gettext_lazy("The request body is too large."),
    414: gettext_lazy("The address of the request is too long."),
    415: gettext_lazy("This content type or encoding is not supported."),
    429: gettext_lazy("Too many requests."),
    431: gettext_lazy("The headers of the request are too large."),
    500: gettext_lazy("Something went wrong on the server. Quote the request id."),
    503: gettext_lazy("The service is busy or partly down. Try again shortly."),
}


def plain(value: Any) -> Any:
    """For orjson: lazy translations and decimals as strings."""
    if isinstance(value, Promise):
        return force_str(value)
    return str(value)


def dumps(data: Any) -> bytes:
    """JSON bytes (RFC 8259); UUIDs, decimals and lazy strings become strings."""
    return orjson.dumps(data, default=plain, option=orjson.OPT_NON_STR_KEYS)


def error_body(
    status: int,
    code: str | None = None,
    message: Any = None,
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The envelope; `code` and `message` default to those of the status."""
    return {
        "error": True,
        "status_code": status,
        "code": code or CODES.get(status, "error"),
        "message": force_str(message or MESSAGES.get(status) or HTTPStatus(status).phrase),
        "details": dict(details or {}),
        "timestamp": timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "request_id": context.request_id(),
    }


def problem_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same facts as a problem document (RFC 9457, section 3)."""
    return {
        "type": f"urn:noren:error:{body['code']}",
        "title": gettext(HTTPStatus(body["status_code"]).phrase),
        "status": body["status_code"],
        "detail": body["message"],
        "instance": f"urn:noren:request:{body['request_id']}",
        "code": body["code"],
        "details": body["details"],
        "request_id": body["request_id"],
    }


def error_response(
    request: HttpRequest,
    status: int,
    *,
    code: str | None = None,
    message: Any = None,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """An error answer outside of Django REST framework."""
    body: Mapping[str, Any] = error_body(status, code, message, details)
    kind = JSON
    if PROBLEM in request.headers.get("Accept", "").lower():
        body, kind = problem_body(body), PROBLEM
    return HttpResponse(dumps(body), status=status, content_type=kind, headers=headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return error_response(request, 500)
