"""What holds before any view: one error shape, and limits on what a request may carry."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from noren_kit.api.envelope import JSON, PROBLEM, error_response
from noren_kit.core.conf import conf

GetResponse = Callable[[HttpRequest], HttpResponse]


class EnvelopeMiddleware:
    """Gives errors that some other part answered in its own form the one envelope."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if response.status_code < 400 or kind in (JSON, PROBLEM):
            return response
        enveloped = error_response(request, response.status_code)
        for header in ("Allow", "Retry-After", "WWW-Authenticate"):
            if header in response.headers:
                enveloped.headers[header] = response.headers[header]
        return enveloped


class RequestLimitsMiddleware:
    """Refuses bodies that are too large or encoded, and URLs that are not clean UTF-8."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._refusal(request) or self.get_response(request)

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            return error_response(request, 400)
        if length > conf.MAX_BODY_BYTES:
            return error_response(request, 413)
        if request.headers.get("Content-Encoding", "identity") not in ("identity", ""):
            return error_response(
                request, 415, message=_("Encoded request bodies are not supported.")
            )
        query = request.META.get("QUERY_STRING", "").encode("latin-1", "surrogateescape")
        decoded = unquote_to_bytes(query.replace(b"+", b" "))
        try:
            path = request.path_info.encode("utf-8")
        except UnicodeEncodeError:
            return error_response(request, 400)
        if b"\0" in decoded or b"\0" in path:
            return error_response(request, 400)
        try:
            decoded.decode("utf-8")
        except UnicodeDecodeError:
            return error_response(request, 400)
        return None
