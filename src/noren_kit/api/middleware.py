"""What holds before any view: one error shape, and limits on what a request may carry."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware
from django.utils.translation import gettext_lazy as _

from noren_kit.api.envelope import JSON, PROBLEM, error_response
from noren_kit.api.exceptions import expected_error
from noren_kit.core.conf import conf
from noren_kit.observability.probes import PROBES

_LENGTH = re.compile(r"[0-9]{1,18}\Z")
_KEPT = ("Allow", "RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate")
GetResponse = Callable[[HttpRequest], HttpResponse]


class EnvelopeMiddleware:
    """Gives errors that no view answered, or in a form of its own, the one envelope.

    A view's transaction begins and commits around it, so a database that is away shows here.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if response.status_code < 400 or kind in (JSON, PROBLEM):
            return response
        enveloped = error_response(request, response.status_code)
        for header in _KEPT:
            if header in response.headers:
                enveloped.headers[header] = response.headers[header]
        return enveloped

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The answer to an expected error; None leaves any other to Django (500)."""
        error = expected_error(exception)
        if error is None:
            return None
        return error_response(
            request,
            error.status,
            code=error.code,
            message=error.message,
            details=error.details,
            headers=error.headers,
        )


class PublicHostMiddleware(CommonMiddleware):
    """Refuses hosts that are not ours (RFC 9110, section 7.4), but of probes.

    A kubelet or a scraper calls each process by its address, which nobody lists among hosts.
    """

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        if request.path_info.startswith(PROBES):
            return None
        return super().process_request(request)


class RequestLimitsMiddleware:
    """Refuses what is too large or encoded, and URLs that are not clean UTF-8."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._refusal(request) or self.get_response(request)

    @staticmethod
    def _refusal(request: HttpRequest) -> HttpResponse | None:
        if status := oversize(request):
            return error_response(request, status)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not _LENGTH.match(length) or not _is_clean(request):
            return error_response(request, 400)
        if int(length) > conf.MAX_BODY_BYTES:
            return error_response(request, 413)
        if request.headers.get("Content-Encoding", "").strip().lower() not in ("identity", ""):
            message = _("Encoded request bodies are not supported.")
            return error_response(request, 415, message=message)
        return None


def oversize(request: HttpRequest) -> int | None:
    """414 for an address that is too long, 431 for headers that are too large with it."""
    url = len(request.META.get("PATH_INFO", "")) + len(request.META.get("QUERY_STRING", ""))
    if url > conf.MAX_HEAD_BYTES:
        return 414
    # A list and a slice: this is done for every request.
    headers = sum(
        [len(name) + len(value) for name, value in request.META.items() if name[:5] == "HTTP_"]
    )
    return 431 if url + headers > conf.MAX_HEAD_BYTES else None


def _is_clean(request: HttpRequest) -> bool:
    """Whether path and query are UTF-8 without NUL; Django has mended the path already."""
    query = request.META.get("QUERY_STRING", "").encode("latin-1", "surrogateescape")
    decoded = unquote_to_bytes(query.replace(b"+", b" "))
    try:
        text = request.path_info.encode("utf-8").decode() + decoded.decode("utf-8")
    except UnicodeError:
        return False
    return "\0" not in text
