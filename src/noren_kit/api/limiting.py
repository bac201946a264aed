"""Every request under `/api/` is counted once, and every answer says where its caller stands.

A view counts when it knows who calls: after authentication, before permissions, so that refused
requests count too. What reaches no view is counted on the way out. The headers are those of
draft-ietf-httpapi-ratelimit-headers-10.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

from noren_kit.api.envelope import error_response
from noren_kit.limits.counting import Limit, Reading, counter
from noren_kit.limits.errors import Throttled
from noren_kit.limits.policies import caller_limit
from noren_kit.observability.addresses import trusted_proxies

PREFIX = "/api/"
_reading: ContextVar[Reading | None] = ContextVar("noren_rate_limit", default=None)


def count_request(key: str, limit: Limit) -> None:
    """Count the request being served; raises `Throttled` over the limit."""
    reading = counter().count(key, limit)
    _reading.set(reading)
    if not reading.allowed:
        raise Throttled(reading)


def note_reading(reading: Reading) -> None:
    """The request being served was counted before it came to its view, and may pass."""
    _reading.set(reading)


def recall(reading: Reading) -> Throttled:
    """The refusal of the request being served, which was counted before it came to its view."""
    _reading.set(reading)
    return Throttled(reading)


class LimitsMiddleware:
    """Writes `RateLimit` and `RateLimit-Policy`, and counts what no view has counted.

    To stand outside of all that refuses requests by itself and inside of CORS, whose preflights
    are not counted.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        # What is wrong with the settings shows at the start.
        counter()
        trusted_proxies()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        token = _reading.set(None)
        try:
            response = self.get_response(request)
            reading = _reading.get()
        finally:
            _reading.reset(token)
        if reading is None:
            reading = counter().count(*caller_limit(request))
            # A failure of the server is not put down to its caller.
            if not reading.allowed and response.status_code < 500:
                response = _refusal(request, reading)
        for name, value in headers_of(reading).items():
            response.headers[name] = value
        return response


def headers_of(reading: Reading) -> dict[str, str]:
    """Where the caller stands, as every answer says."""
    limit = reading.limit
    return {
        "RateLimit-Policy": f'"{limit.name}";q={limit.requests};w={limit.seconds}',
        "RateLimit": f'"{limit.name}";r={reading.remaining};t={reading.reset}',
    }


def _refusal(request: HttpRequest, reading: Reading) -> HttpResponse:
    error = Throttled(reading)
    return error_response(
        request, error.status, code=error.code, details=error.details, headers=error.headers
    )
