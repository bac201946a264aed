"""Settings that every environment shares; each takes its differences from the environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from corsheaders.defaults import default_headers

from noren_kit.limits.policies import parse_limits
from noren_kit.observability.logging import logging_settings

env = environ.Env()
PACKAGES = Path(__file__).resolve().parents[3]

SECRET_KEY = env.str("SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])

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
    "django.middleware.locale.LocaleMiddleware",
    "noren_kit.api.middleware.EnvelopeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "noren_kit.api.limiting.LimitsMiddleware",
    "noren_kit.api.middleware.RequestLimitsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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


def _database(variable: str, **options: Any) -> dict[str, Any]:
    """One role's connection, which is kept."""
    return {
        **env.db_url(variable),
        "ENGINE": "noren_kit.observability.postgresql",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"application_name": "noren"},
        **options,
    }


_SERVING = {
    "application_name": "noren",
    # Uses after which a statement is prepared on the server; null for poolers that can't.
    "prepare_threshold": 5 if env.bool("PREPARED_STATEMENTS", default=True) else None,
}
# One address per role (docs/guides/isolation.md). Only `default` serves requests and tasks.
DATABASES = {
    "default": _database("DATABASE_URL", ATOMIC_REQUESTS=True, OPTIONS=_SERVING),
    "owner": _database("DATABASE_OWNER_URL"),
    "relay": _database("DATABASE_RELAY_URL"),
    "platform": _database("DATABASE_PLATFORM_URL"),
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

REDIS_URL = env.str("REDIS_URL")
# JSON bodies have limits of their own (noren_kit.core.conf); this one bounds forms.
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
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
    "release-expired-holds": {
        "task": "inventory.release_expired_holds",
        "schedule": timedelta(seconds=30),
    },
}

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="orders@noren.example")

NOREN_KIT: dict[str, Any] = {
    "JWT_PRIVATE_KEY": env.str("JWT_PRIVATE_KEY", multiline=True),
    "PASSWORD_RESET_URL": env.str("PASSWORD_RESET_URL", default=""),
    "PUBLIC_ORIGINS": env.list("PUBLIC_ORIGINS", default=[]),
    "OUTBOX_LEASE_SECONDS": env.float("OUTBOX_LEASE_SECONDS", default=60.0),
    "SLOW_REQUEST_SECONDS": env.float("SLOW_REQUEST_SECONDS", default=5.0),
    "SLOW_STATEMENT_MILLISECONDS": env.float("SLOW_STATEMENT_MILLISECONDS", default=500.0),
    "METRICS_TOKEN": env.str("METRICS_TOKEN", default=""),
    "METRICS_PORT": env.int("METRICS_PORT", default=0),
    "METRICS_HOST": env.str("METRICS_HOST", default="127.0.0.1"),
    "TRUSTED_PROXIES": env.list("TRUSTED_PROXIES", default=[]),
    "LIMITS": parse_limits(env.str("LIMITS", default="")),
    "CELERY_APP": "noren.config.celery.app",
    "LIMITS_REDIS_URL": env.str("LIMITS_REDIS_URL", default=""),
    "CACHE_REDIS_URL": env.str("CACHE_REDIS_URL", default=""),
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

CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
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
SILENCED_SYSTEM_CHECKS: list[str] = []

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_settings(
    json=env.bool("LOG_JSON", default=True), level=env.str("LOG_LEVEL", default="INFO")
)
