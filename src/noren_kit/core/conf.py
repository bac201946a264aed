"""The kit's settings with their defaults, in one place; a project overrides by `NOREN_KIT`."""

from __future__ import annotations

from typing import Any

from django.conf import settings

DEFAULTS: dict[str, Any] = {
    # Response pages.
    "PAGE_SIZE": 20,
    "MAX_PAGE_SIZE": 100,
    "MAX_PAGE_OFFSET": 100_000,
    # Of a list with filters; past that it says that there are more.
    "MAX_COUNTED_ROWS": 10_000,
    # Request bodies: bytes, nesting, members of all objects and arrays together.
    "MAX_BODY_BYTES": 10 * 1024 * 1024,
    "MAX_JSON_DEPTH": 32,
    # Request line and headers together, in bytes.
    "MAX_HEAD_BYTES": 8 * 1024,
    "MAX_JSON_MEMBERS": 50_000,
    # Rows of one bulk call.
    "MAX_BULK_ROWS": 1_000,
    # Search: characters and words of one query.
    "MAX_SEARCH_CHARACTERS": 200,
    "MAX_SEARCH_WORDS": 10,
    # Tokens, in seconds.
    "ACCESS_TOKEN_SECONDS": 15 * 60,
    "REFRESH_TOKEN_SECONDS": 7 * 24 * 3600,
    # How long a client that sent its refresh twice still gets the pair that it made.
    "REFRESH_GRACE_SECONDS": 10,
    # Ed25519 private keys in PEM form, one after the other: the first signs, all verify.
    "JWT_PRIVATE_KEY": "",
    # Where the mail of a password reset leads: `https://shop.example/reset?uid={uid}&token={token}`.
    # Without it the mail holds both as text.
    "PASSWORD_RESET_URL": "",
    # Origins (RFC 6454) of our own pages, whose requests may use the refresh cookie. Behind a
    # proxy that ends TLS the request itself does not say that it came by https.
    "PUBLIC_ORIGINS": [],
    # Networks whose `X-Forwarded-For` is believed.
    "TRUSTED_PROXIES": [],
    # Requests and seconds by class of caller; a project may state some alone.
    "LIMITS": {
        "anonymous": (100, 3600),
        "credential": (1_000, 3600),
        "sign_in": (30, 3600),
        "refresh": (60, 3600),
        "password_reset": (10, 3600),
        "sign_in_failures": (10, 900),
    },
    # Where they are counted; REDIS_URL if empty.
    "LIMITS_REDIS_URL": "",
    # Cached bodies: bytes of memory in each process, seconds in Redis, and where that is;
    # REDIS_URL if empty.
    "CACHE_LOCAL_BYTES": 4 * 1024 * 1024,
    "CACHE_SECONDS": 3600,
    "CACHE_REDIS_URL": "",
    # The Celery application that tasks are queued with, as "module.attribute".
    "CELERY_APP": "",
    # What is warned of: requests in seconds, statements in milliseconds.
    "SLOW_REQUEST_SECONDS": 5.0,
    "SLOW_STATEMENT_MILLISECONDS": 500.0,
    # Who may read /metrics; nobody if empty. The private port of processes without a web; 0: none.
    "METRICS_TOKEN": "",
    "METRICS_PORT": 0,
    "METRICS_HOST": "127.0.0.1",
    # Outbox: how long a claim lasts before another relay may take the delivery, in seconds.
    "OUTBOX_LEASE_SECONDS": 60,
    "OUTBOX_BATCH": 100,
}


class _Conf:
    def __getattr__(self, name: str) -> Any:
        overrides: dict[str, Any] = getattr(settings, "NOREN_KIT", {})
        if name in overrides:
            return overrides[name]
        try:
            return DEFAULTS[name]
        except KeyError:
            raise AttributeError(f"The kit has no setting {name!r}.") from None


conf = _Conf()
