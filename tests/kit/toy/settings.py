"""A project with the kit alone: a lending library, no shop in sight."""

from __future__ import annotations

from typing import Any

import environ

from noren_kit.core.conf import DEFAULTS
from noren_kit.observability.logging import logging_settings

env = environ.Env()

SECRET_KEY = env.str("SECRET_KEY")
ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.staticfiles",
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
    "noren_kit.api",
    "toy.library",
]
MIDDLEWARE = [
    "noren_kit.observability.middleware.RequestMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "noren_kit.api.middleware.EnvelopeMiddleware",
    "noren_kit.api.limiting.LimitsMiddleware",
    "noren_kit.api.middleware.RequestLimitsMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "toy.urls"
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]


def _database(variable: str, **options: Any) -> dict[str, Any]:
    return {**env.db_url(variable), "ENGINE": "django.db.backends.postgresql", **options}


DATABASES = {
    "default": _database("DATABASE_URL", ATOMIC_REQUESTS=True),
    "owner": _database("DATABASE_OWNER_URL"),
    "relay": _database("DATABASE_RELAY_URL"),
    "platform": _database("DATABASE_PLATFORM_URL"),
}
DATABASE_ROUTERS = ["noren_kit.db.router.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
REDIS_URL = env.str("REDIS_URL")
NOREN_KIT = {
    "JWT_PRIVATE_KEY": env.str("JWT_PRIVATE_KEY", multiline=True),
    "LIMITS": dict.fromkeys(DEFAULTS["LIMITS"], (1_000_000, 60)),
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
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {"TITLE": "Library", "VERSION": "1", "OAS_VERSION": "3.1.1"}
LOGGING = logging_settings(json=True, level="ERROR")
