"""Every variable of Noren's environment: settings, checks and documentation come from here."""

from __future__ import annotations

from noren.config import judging
from noren.config.judging import Database
from noren_kit.core import values
from noren_kit.core.variables import Section, Table, Variable
from noren_kit.db.role_names import APP, BACKUP, OWNER, PLATFORM, RELAY

PROCESSES = ("web", "worker", "beat", "relay", "migrate")
_NO_DATABASE: Database = {}


def _database(name: str, role: str, meaning: str, *needed_by: str) -> Variable[Database]:
    return Variable(
        name,
        "PostgreSQL URL",
        values.database_url,
        f"As `{role}`: {meaning}",
        default=_NO_DATABASE,
        needed_by=needed_by,
    )


SECRET_KEY: Variable[str] = Variable(
    "SECRET_KEY",
    "text",
    values.text,
    "Signs and seeds; 50 random characters or more.",
    secret=True,
    unsafe=judging.weak_key,
)
JWT_PRIVATE_KEY: Variable[str] = Variable(
    "JWT_PRIVATE_KEY",
    "PEM",
    judging.private_keys,
    "Ed25519 private keys (`openssl genpkey -algorithm ed25519`), one after the other: the first "
    "signs tokens, all verify them.",
    secret=True,
)
DEBUG: Variable[bool] = Variable(
    "DEBUG", "flag", values.flag, "Refused in production.", default=False, unsafe=judging.debugging
)
ALLOWED_HOSTS: Variable[list[str]] = Variable(
    "ALLOWED_HOSTS",
    "list",
    values.items,
    "Host names that the API answers to; `.shop.example` stands for its sub-domains too.",
    default=[],
    needed_by=("web",),
    unsafe=judging.wild_hosts,
)
TRUSTED_PROXIES: Variable[list[str]] = Variable(
    "TRUSTED_PROXIES",
    "list of networks",
    values.networks,
    "Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
    default=[],
    unsafe=judging.open_proxies,
)
PUBLIC_ORIGINS: Variable[list[str]] = Variable(
    "PUBLIC_ORIGINS",
    "list of origins",
    values.origins,
    "Origins of your own pages, whose requests may use the refresh cookie.",
    default=[],
    unsafe=judging.without_tls,
)
CORS_ALLOWED_ORIGINS: Variable[list[str]] = Variable(
    "CORS_ALLOWED_ORIGINS",
    "list of origins",
    values.origins,
    "Origins of pages elsewhere whose scripts may call the API (Fetch standard, CORS).",
    default=[],
    unsafe=judging.without_tls,
)
SECURE_HSTS_SECONDS: Variable[int] = Variable(
    "SECURE_HSTS_SECONDS",
    "whole number",
    values.whole(0, 100_000_000),
    "How long browsers insist on https (RFC 6797), in production; 0 says nothing.",
    default=31_536_000,
)
PASSWORD_RESET_URL: Variable[str] = Variable(
    "PASSWORD_RESET_URL",
    "text",
    values.text,
    "Your page in mails about passwords, with `{uid}` and `{token}`.",
    default="",
)

DATABASE_URL: Variable[Database] = Variable(
    "DATABASE_URL",
    "PostgreSQL URL",
    values.database_url,
    f"As `{APP}`: requests and tasks. `postgres://{APP}:…@host/noren`; for TLS append "
    "`?sslmode=verify-full&sslrootcert=/path/ca.pem` (to every address).",
    unsafe=judging.privileged,
)
DATABASE_OWNER_URL: Variable[Database] = _database(
    "DATABASE_OWNER_URL", OWNER, "migrations; no pooler.", "migrate"
)
DATABASE_RELAY_URL: Variable[Database] = _database(
    "DATABASE_RELAY_URL", RELAY, "the outbox.", "relay"
)
DATABASE_PLATFORM_URL: Variable[Database] = _database(
    "DATABASE_PLATFORM_URL", PLATFORM, "opening tenants.", "web"
)
DATABASE_BACKUP_URL: Variable[Database] = _database("DATABASE_BACKUP_URL", BACKUP, "backups.")
DATABASE_REPLICA_URL: Variable[Database] = Variable(
    "DATABASE_REPLICA_URL",
    "PostgreSQL URL",
    values.database_url,
    f"As `{APP}`: a hot standby that answers what it has caught up with "
    "([scale](scale.md)); empty is none.",
    default=_NO_DATABASE,
    unsafe=judging.privileged,
)
DATABASE_ADMIN_URL: Variable[Database] = Variable(
    "DATABASE_ADMIN_URL",
    "PostgreSQL URL",
    values.database_url,
    "A role that may make roles and databases; for `noren db bootstrap` and `noren restore` alone.",
    default=_NO_DATABASE,
)
PREPARED_STATEMENTS: Variable[bool] = Variable(
    "PREPARED_STATEMENTS",
    "flag",
    values.flag,
    "Prepare statements on the server; false behind a pooler that does not know them "
    "(PgBouncer before 1.21).",
    default=True,
)

REDIS_URL: Variable[str] = Variable(
    "REDIS_URL", "Redis URL", values.redis_url, "The broker, and whatever has none of its own."
)
RESULTS_REDIS_URL: Variable[str] = Variable(
    "RESULTS_REDIS_URL", "Redis URL", values.redis_url, "States of tasks.", default=""
)
LIMITS_REDIS_URL: Variable[str] = Variable(
    "LIMITS_REDIS_URL", "Redis URL", values.redis_url, "Counters of limits.", default=""
)
CACHE_REDIS_URL: Variable[str] = Variable(
    "CACHE_REDIS_URL", "Redis URL", values.redis_url, "Cached bodies.", default=""
)
LIMITS: Variable[dict[str, tuple[int, int]]] = Variable(
    "LIMITS",
    "limits",
    judging.limits,
    "`credential=1000/3600,sign_in=30/3600`: requests per seconds by class of caller "
    "([limits](limits.md)).",
    default={},
)
OUTBOX_LEASE_SECONDS: Variable[float] = Variable(
    "OUTBOX_LEASE_SECONDS",
    "number",
    values.positive,
    "How long a claim of the outbox lasts before another relay may take the delivery.",
    default=60.0,
)

EMAIL_HOST: Variable[str] = Variable(
    "EMAIL_HOST", "text", values.text, "The mail server.", default="localhost"
)
EMAIL_PORT: Variable[int] = Variable(
    "EMAIL_PORT", "port", values.whole(1, 65535), "Its port.", default=25
)
EMAIL_HOST_USER: Variable[str] = Variable(
    "EMAIL_HOST_USER", "text", values.text, "Who signs in.", default=""
)
EMAIL_HOST_PASSWORD: Variable[str] = Variable(
    "EMAIL_HOST_PASSWORD", "text", values.text, "With what.", default="", secret=True
)
EMAIL_USE_TLS: Variable[bool] = Variable(
    "EMAIL_USE_TLS", "flag", values.flag, "STARTTLS before anything is said.", default=False
)
DEFAULT_FROM_EMAIL: Variable[str] = Variable(
    "DEFAULT_FROM_EMAIL",
    "text",
    values.text,
    "The sender of mails.",
    default="orders@noren.example",
)

LOG_JSON: Variable[bool] = Variable(
    "LOG_JSON", "flag", values.flag, "A JSON object a line; else text for people.", default=True
)
LOG_LEVEL: Variable[str] = Variable(
    "LOG_LEVEL",
    "level",
    values.one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    "What is logged at least.",
    default="INFO",
)

SLOW_REQUEST_SECONDS: Variable[float] = Variable(
    "SLOW_REQUEST_SECONDS", "number", values.positive, "Slower requests are warned of.", default=5.0
)
SLOW_STATEMENT_MILLISECONDS: Variable[float] = Variable(
    "SLOW_STATEMENT_MILLISECONDS",
    "number",
    values.positive,
    "Slower statements are warned of.",
    default=500.0,
)
OTEL_EXPORTER_OTLP_ENDPOINT: Variable[str] = Variable(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "text",
    values.text,
    "The collector of traces, OTLP over HTTP: `http://collector:4318`; empty is none.",
    default="",
)
OTEL_SERVICE_NAME: Variable[str] = Variable(
    "OTEL_SERVICE_NAME",
    "text",
    values.text,
    "What the processes are called there.",
    default="noren",
)
TRACES_RATIO: Variable[float] = Variable(
    "TRACES_RATIO",
    "from 0 to 1",
    values.share,
    "The share of requests that are traced, with all that follows from them; 1 for all.",
    default=0.1,
)
SENTRY_DSN: Variable[str] = Variable(
    "SENTRY_DSN",
    "text",
    values.text,
    "Where errors and missed schedules are reported, without personal data; empty is nowhere "
    "([observability](observability.md)).",
    default="",
    secret=True,
)
SENTRY_ENVIRONMENT: Variable[str] = Variable(
    "SENTRY_ENVIRONMENT", "text", values.text, "Under which name.", default="production"
)
MEDIA_FOLDER: Variable[str] = Variable(
    "MEDIA_FOLDER",
    "path",
    values.text,
    "Where pictures are kept where there is no bucket.",
    default="var/media",
)
MEDIA_URL: Variable[str] = Variable(
    "MEDIA_URL",
    "address",
    values.folder_url,
    "What addresses of pictures begin with, say a CDN's; empty is the bucket's own, or `/media/` "
    "of the first of PUBLIC_ORIGINS.",
    default="",
)
S3_BUCKET: Variable[str] = Variable(
    "S3_BUCKET",
    "text",
    values.text,
    "The bucket for pictures, which anybody may read at MEDIA_URL; empty is MEDIA_FOLDER.",
    default="",
)
S3_ENDPOINT_URL: Variable[str] = Variable(
    "S3_ENDPOINT_URL", "address", values.folder_url, "Of another S3 than Amazon's.", default=""
)
S3_REGION: Variable[str] = Variable(
    "S3_REGION", "text", values.text, "The bucket's region.", default=""
)
S3_ACCESS_KEY_ID: Variable[str] = Variable(
    "S3_ACCESS_KEY_ID",
    "text",
    values.text,
    "Whose key; empty is what the machine has (a role, `~/.aws`).",
    default="",
)
S3_SECRET_ACCESS_KEY: Variable[str] = Variable(
    "S3_SECRET_ACCESS_KEY", "text", values.text, "The key.", default="", secret=True
)
METRICS_TOKEN: Variable[str] = Variable(
    "METRICS_TOKEN",
    "text",
    values.text,
    "What `GET /metrics` asks for as a bearer token; without one there are no figures.",
    default="",
    secret=True,
)
METRICS_PORT: Variable[int] = Variable(
    "METRICS_PORT",
    "port",
    values.whole(0, 65535),
    "Where worker, beat and relay show their figures, each at its own; 0 for nowhere.",
    default=0,
)
METRICS_HOST: Variable[str] = Variable(
    "METRICS_HOST", "text", values.text, "The address for it.", default="127.0.0.1"
)

TABLE = Table(
    (
        Section(
            "Keys and hosts",
            (
                SECRET_KEY,
                JWT_PRIVATE_KEY,
                DEBUG,
                ALLOWED_HOSTS,
                TRUSTED_PROXIES,
                PUBLIC_ORIGINS,
                CORS_ALLOWED_ORIGINS,
                SECURE_HSTS_SECONDS,
                PASSWORD_RESET_URL,
            ),
        ),
        Section(
            "PostgreSQL",
            (
                DATABASE_URL,
                DATABASE_OWNER_URL,
                DATABASE_RELAY_URL,
                DATABASE_PLATFORM_URL,
                DATABASE_BACKUP_URL,
                DATABASE_REPLICA_URL,
                DATABASE_ADMIN_URL,
                PREPARED_STATEMENTS,
            ),
        ),
        Section(
            "Redis, limits and tasks (a Redis URL that is empty is `REDIS_URL`)",
            (
                REDIS_URL,
                RESULTS_REDIS_URL,
                LIMITS_REDIS_URL,
                CACHE_REDIS_URL,
                LIMITS,
                OUTBOX_LEASE_SECONDS,
            ),
        ),
        Section(
            "Mail",
            (
                EMAIL_HOST,
                EMAIL_PORT,
                EMAIL_HOST_USER,
                EMAIL_HOST_PASSWORD,
                EMAIL_USE_TLS,
                DEFAULT_FROM_EMAIL,
            ),
        ),
        Section(
            "Pictures ([pictures](pictures.md))",
            (
                MEDIA_FOLDER,
                MEDIA_URL,
                S3_BUCKET,
                S3_ENDPOINT_URL,
                S3_REGION,
                S3_ACCESS_KEY_ID,
                S3_SECRET_ACCESS_KEY,
            ),
        ),
        Section(
            "Logs and figures",
            (
                LOG_JSON,
                LOG_LEVEL,
                SLOW_REQUEST_SECONDS,
                SLOW_STATEMENT_MILLISECONDS,
                OTEL_EXPORTER_OTLP_ENDPOINT,
                OTEL_SERVICE_NAME,
                TRACES_RATIO,
                SENTRY_DSN,
                SENTRY_ENVIRONMENT,
                METRICS_TOKEN,
                METRICS_PORT,
                METRICS_HOST,
            ),
        ),
    )
)
