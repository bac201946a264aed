"""Settings that every environment shares; each takes its differences from the environment."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from corsheaders.defaults import default_headers
from django.db import DEFAULT_DB_ALIAS

from noren.config import variables as given
from noren_kit.core.variables import Variable
from noren_kit.db.router import REPLICA_ALIAS
from noren_kit.files.naming import media_url
from noren_kit.observability.logging import logging_settings
from noren_kit.observability.names import bound_resolving

PACKAGES = Path(__file__).resolve().parents[3]

SECRET_KEY = given.SECRET_KEY.read()
DEBUG = False
# Whether processes refuse to start with an environment that production must not have.
REFUSE_UNSAFE = False
ALLOWED_HOSTS = given.ALLOWED_HOSTS.read()

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "noren_kit.tenancy",
    "noren_kit.audit",
    "noren_kit.accounts",
    "noren_kit.outbox",
    "noren_kit.jobs",
    "noren_kit.idempotency",
    "noren_kit.search",
    "noren_kit.softdelete",
    "noren_kit.api",
    "noren.inventory",
    "noren.catalog",
    "noren.orders",
    "noren.imports",
    "noren.demo",
]

MIDDLEWARE = [
    "noren_kit.observability.middleware.RequestMiddleware",
    # Outside of all that answers by itself, so that every answer has their headers.
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "noren_kit.api.middleware.EnvelopeMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "noren_kit.api.limiting.LimitsMiddleware",
    "noren_kit.api.middleware.RequestLimitsMiddleware",
    "noren_kit.api.middleware.PublicHostMiddleware",
]

ROOT_URLCONF = "noren.config.urls"
WSGI_APPLICATION = "noren.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
APPEND_SLASH = False

# The timeouts of the clients below say nothing about names.
bound_resolving()


def _database(alias: str, variable: Variable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """One role's connection, which is kept; none where its address is not given.

    A process answers one request at a time, so a pool would hold one connection as well, and a
    thread to look after it. What the address says of TLS goes to libpq as it stands.
    """
    address = variable.read()
    if not address:
        return {}
    options = {"application_name": "noren", **address.get("OPTIONS", {})}
    if alias == REPLICA_ALIAS:
        # One that fell silent is given up on soon, for the primary (libpq, "Parameter Key Words").
        patience = {"connect_timeout": 1, "tcp_user_timeout": 1_000, "keepalives_idle": 2}
        options = {**patience, "keepalives_interval": 1, "keepalives_count": 2, **options}
    if alias in (DEFAULT_DB_ALIAS, REPLICA_ALIAS):
        # Uses after which a statement is prepared on the server; null for poolers that can't.
        options["prepare_threshold"] = 5 if given.PREPARED_STATEMENTS.read() else None
    return {
        alias: {
            **address,
            "ENGINE": "noren_kit.observability.postgresql",
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
            "ATOMIC_REQUESTS": alias == DEFAULT_DB_ALIAS,
            "OPTIONS": options,
        }
    }


# One address per role (docs/guides/isolation.md). Only `default`, and what it lets `replica`
# answer, serves requests and tasks.
DATABASES = {
    **_database(DEFAULT_DB_ALIAS, given.DATABASE_URL),
    **_database("owner", given.DATABASE_OWNER_URL),
    **_database("relay", given.DATABASE_RELAY_URL),
    **_database("platform", given.DATABASE_PLATFORM_URL),
    **_database(REPLICA_ALIAS, given.DATABASE_REPLICA_URL),
}
DATABASE_ROUTERS = ["noren_kit.db.router.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ja", "日本語")]
LOCALE_PATHS = [PACKAGES / "noren_kit" / "locale", PACKAGES / "noren" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True

BUCKET = given.S3_BUCKET.read()
MEDIA_ROOT = given.MEDIA_FOLDER.read()
MEDIA_URL = given.MEDIA_URL.read() or media_url(
    bucket=BUCKET,
    region=given.S3_REGION.read(),
    endpoint=given.S3_ENDPOINT_URL.read(),
    origins=given.PUBLIC_ORIGINS.read(),
)
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "noren_kit.files.folder.Folder"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if BUCKET:
    STORAGES["default"] = {
        "BACKEND": "noren_kit.files.s3.Bucket",
        "OPTIONS": {
            "bucket_name": BUCKET,
            "region_name": given.S3_REGION.read() or None,
            "endpoint_url": given.S3_ENDPOINT_URL.read() or None,
            "access_key": given.S3_ACCESS_KEY_ID.read() or None,
            "secret_key": given.S3_SECRET_ACCESS_KEY.read() or None,
        },
    }

REDIS_URL = given.REDIS_URL.read()
# JSON bodies have limits of their own (noren_kit.core.conf); this one bounds forms.
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
# States of scheduled tasks are kept for a day; what is sent by the thousand ignores its result.
CELERY_RESULT_BACKEND = (
    f"noren_kit.core.results:UnwatchedResults+{given.RESULTS_REDIS_URL.read() or REDIS_URL}"
)
CELERY_RESULT_SERIALIZER = "json"
CELERY_RESULT_EXPIRES = timedelta(days=1)
CELERY_TASK_TRACK_STARTED = True
CELERY_REDIS_SOCKET_TIMEOUT = 5
CELERY_REDIS_SOCKET_CONNECT_TIMEOUT = 2
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# Connections are kept for a thousand tasks; Celery would close them after each.
CELERY_DB_REUSE_MAX = 500
CELERY_TASK_TIME_LIMIT = 30 * 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# The outbox gives work back by itself, so a lost message need not wait long in the broker.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}
CELERY_BEAT_SCHEDULE = {
    "end-stale-sessions": {
        "task": "accounts.remove_stale_sessions",
        "schedule": timedelta(hours=1),
    },
    "sweep-kept-answers": {
        "task": "idempotency.sweep",
        "schedule": timedelta(minutes=15),
    },
    "purge-bins": {"task": "softdelete.purge_bins", "schedule": timedelta(hours=1)},
    "remove-failed-sign-ins": {
        "task": "accounts.remove_failed_sign_ins",
        "schedule": timedelta(hours=1),
    },
    "follow-tax-classes": {
        "task": "catalog.follow_tax_classes",
        "schedule": timedelta(minutes=10),
    },
    "low-stock-digests": {
        "task": "catalog.low_stock_digests",
        "schedule": timedelta(hours=1),
    },
    "sweep-images": {"task": "catalog.sweep_all_images", "schedule": timedelta(hours=6)},
    "release-expired-holds": {
        "task": "inventory.release_expired_holds",
        "schedule": timedelta(seconds=30),
    },
}

if given.SENTRY_DSN.read():
    from noren_kit.observability.reporting import start_reporting

    start_reporting(
        given.SENTRY_DSN.read(),
        environment=given.SENTRY_ENVIRONMENT.read(),
        release=f"noren@{version('noren')}",
    )

if given.OTEL_EXPORTER_OTLP_ENDPOINT.read():
    from noren_kit.observability.tracing import start_tracing

    start_tracing(
        given.OTEL_EXPORTER_OTLP_ENDPOINT.read(),
        ratio=given.TRACES_RATIO.read(),
        service=given.OTEL_SERVICE_NAME.read(),
    )

EMAIL_BACKEND = "noren_kit.observability.mailing.EmailBackend"
EMAIL_HOST = given.EMAIL_HOST.read()
EMAIL_PORT = given.EMAIL_PORT.read()
EMAIL_HOST_USER = given.EMAIL_HOST_USER.read()
EMAIL_HOST_PASSWORD = given.EMAIL_HOST_PASSWORD.read()
EMAIL_USE_TLS = given.EMAIL_USE_TLS.read()
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = given.DEFAULT_FROM_EMAIL.read()

NOREN_KIT: dict[str, Any] = {
    "JWT_PRIVATE_KEY": given.JWT_PRIVATE_KEY.read(),
    "PASSWORD_RESET_URL": given.PASSWORD_RESET_URL.read(),
    "PUBLIC_ORIGINS": given.PUBLIC_ORIGINS.read(),
    "OUTBOX_LEASE_SECONDS": given.OUTBOX_LEASE_SECONDS.read(),
    "SLOW_REQUEST_SECONDS": given.SLOW_REQUEST_SECONDS.read(),
    "SLOW_STATEMENT_MILLISECONDS": given.SLOW_STATEMENT_MILLISECONDS.read(),
    "METRICS_TOKEN": given.METRICS_TOKEN.read(),
    "METRICS_PORT": given.METRICS_PORT.read(),
    "METRICS_HOST": given.METRICS_HOST.read(),
    "TRUSTED_PROXIES": given.TRUSTED_PROXIES.read(),
    "LIMITS": given.LIMITS.read(),
    "CELERY_APP": "noren.config.celery.app",
    "LIMITS_REDIS_URL": given.LIMITS_REDIS_URL.read(),
    "CACHE_REDIS_URL": given.CACHE_REDIS_URL.read(),
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "noren_kit.accounts.authentication.CredentialAuthentication"
    ],
    "DEFAULT_PERMISSION_CLASSES": ["noren_kit.accounts.permissions.ResourcePermission"],
    "DEFAULT_RENDERER_CLASSES": [
        "noren_kit.api.renderers.JsonRenderer",
        "noren_kit.api.renderers.ProblemRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": ["noren_kit.api.parsers.StrictJsonParser"],
    "DEFAULT_PAGINATION_CLASS": "noren_kit.api.pagination.ResourcePagination",
    "DEFAULT_SCHEMA_CLASS": "noren_kit.api.schema.ResourceSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "noren_kit.api.exceptions.handle",
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Noren",
    "DESCRIPTION": (
        "A multi-tenant commerce back end: catalogue, stock and orders.\n\n"
        "Sign in by `POST /api/auth/token/`, then send `Authorization: Bearer <access>`; the "
        "tenant comes from the credential (platform staff name it by `X-Tenant-ID`). Decimals "
        "are strings, times are ISO 8601 in UTC, ids are UUIDs. Unknown parameters and fields "
        "are refused by name. Every answer carries `X-Request-ID`; every error has one shape, "
        "or that of RFC 9457 with `Accept: application/problem+json`."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "ProductStatus": "noren.catalog.models.Product.Status",
        "ReviewStatus": "noren.catalog.models.Review.Status",
        "OrderKind": "noren.orders.models.Order.Kind",
        "OrderStatus": "noren.orders.models.Order.Status",
        "PaymentStatus": "noren.orders.models.Order.PaymentStatus",
        "ReservationStatus": "noren.orders.serializers.reservations.STATUSES",
        "PaymentKind": "noren.orders.models.Payment.Kind",
        "TimelineKind": "noren.orders.queries.TIMELINE_KINDS",
        "MovementKind": "noren.inventory.models.StockMovement.Kind",
        "TenantStatus": "noren_kit.tenancy.models.Tenant.Status",
        "TaxRounding": "noren_kit.core.money.Rounding",
        "MemberStatus": "noren_kit.endpoints.members.STATUSES",
        "ChangeOperation": "noren_kit.audit.models.Change.Operation",
        "AccessKind": "noren_kit.audit.models.AccessEntry.Kind",
        "Availability": "noren.inventory.queries.AVAILABILITIES",
    },
    "GET_LIB_DOC_EXCLUDES": "noren_kit.api.schema.kit_texts",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SORT_OPERATIONS": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "noren_kit.api.schema.finish_schema",
    ],
}

CORS_ALLOWED_ORIGINS = given.CORS_ALLOWED_ORIGINS.read()
CORS_ALLOW_HEADERS = [*default_headers, "idempotency-key", "if-match", "if-none-match"]
CORS_EXPOSE_HEADERS = [
    "X-Request-ID",
    "ETag",
    "Location",
    "Idempotent-Replayed",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
]
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
# Answers are data and load nothing; the page of the API's documentation has a policy of its own.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
# No form and no session: the one cookie is taken from our own origins alone
# (docs/guides/sign-in.md).
SILENCED_SYSTEM_CHECKS = ["security.W003"]

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_settings(json=given.LOG_JSON.read(), level=given.LOG_LEVEL.read())
