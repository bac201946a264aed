"""Variables are read, judged and shown by their declaration alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from processes import production

from noren.config import variables
from noren.config.variables import TABLE
from noren_kit.core.keys import new_private_key
from noren_kit.core.variables import HIDDEN
from noren_kit.db.roles import URL_VARIABLES

SETTINGS = Path(variables.__file__).parent / "settings"


def faults(**changes: str | None) -> list[str]:
    return TABLE.faults(production(**changes), process="web")


def test_an_environment_fit_for_production_has_no_faults() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("SECRET_KEY", None, "is not set"),
        ("SECRET_KEY", "", "is not set"),
        ("SECRET_KEY", "x" * 80, "weak"),
        ("SECRET_KEY", "kQ8v" * 10, "weak"),
        ("SECRET_KEY", "django-insecure-8Zp1qWvR4mN7tYb2cXs5dFg9hJk3lPo6iUe0aTz", "placeholder"),
        ("SECRET_KEY", "ChangeMe-8Zp1qWvR4mN7tYb2cXs5dFg9hJk3lPo6iUe0aTzQqQqQ", "placeholder"),
        ("JWT_PRIVATE_KEY", "nonsense", "no Ed25519 private key"),
        ("DEBUG", "1", "must not be on"),
        ("DEBUG", "ture", "neither true nor false"),
        ("ALLOWED_HOSTS", None, "is not set"),
        ("ALLOWED_HOSTS", " , ", "names no host"),
        ("ALLOWED_HOSTS", "api.shop.example,*", "must name its hosts"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,0.0.0.0/0", "trusts every address"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "host bits"),
        ("PUBLIC_ORIGINS", "http://shop.example", "https"),
        ("CORS_ALLOWED_ORIGINS", "*", "no origin"),
        ("CORS_ALLOWED_ORIGINS", "https://shop.example/", "no origin"),
        ("DATABASE_URL", "mysql://a:b@host/noren", "postgres://"),
        ("DATABASE_URL", "postgres://noren_app:pw@host:99999999/noren", "port"),
        ("DATABASE_URL", "postgres://noren_app:pw@host", "no database"),
        ("DATABASE_URL", "postgres://host/noren", "no role"),
        ("DATABASE_URL", "postgres://postgres:pw@host/noren", "noren_app"),
        ("DATABASE_URL", "postgres://noren_owner:pw@host/noren", "noren_app"),
        ("DATABASE_PLATFORM_URL", None, "is not set"),
        ("REDIS_URL", "http://host", "redis://"),
        ("REDIS_URL", "redis://", "no host"),
        ("LIMITS", "sign_in=many", "name=requests/seconds"),
        ("EMAIL_PORT", "0", "between 1 and 65535"),
        ("SECURE_HSTS_SECONDS", "-1", "whole number"),
        ("OUTBOX_LEASE_SECONDS", "nan", "above zero"),
        ("TRACES_RATIO", "1.01", "from 0 to 1"),
        ("TRACES_RATIO", "nan", "from 0 to 1"),
        ("TRACES_RATIO", "-0.1", "from 0 to 1"),
        ("LOG_LEVEL", "LOUD", "none of"),
        ("SECRET_KEY_FILE", "/nowhere/key", "as well"),
    ],
)
def test_what_production_refuses(name: str, value: str | None, part: str) -> None:
    [fault] = faults(**{name: value})
    assert fault.startswith(name.removesuffix("_FILE") + ": ")
    assert part in fault
    assert ":pw@" not in fault


def test_all_faults_at_once() -> None:
    found = faults(SECRET_KEY=None, DEBUG="yes", ALLOWED_HOSTS="*", EMAIL_PORT="x")
    assert [fault.partition(":")[0] for fault in found] == [
        "SECRET_KEY",
        "DEBUG",
        "ALLOWED_HOSTS",
        "EMAIL_PORT",
    ]


def test_a_process_needs_no_more_than_its_own() -> None:
    bare = production(
        ALLOWED_HOSTS=None,
        DATABASE_OWNER_URL=None,
        DATABASE_RELAY_URL=None,
        DATABASE_PLATFORM_URL=None,
    )
    needed = {
        process: [fault.partition(":")[0] for fault in TABLE.faults(bare, process=process)]
        for process in variables.PROCESSES
    }
    assert needed == {
        "web": ["ALLOWED_HOSTS", "DATABASE_PLATFORM_URL"],
        "worker": [],
        "beat": [],
        "relay": ["DATABASE_RELAY_URL"],
        "migrate": ["DATABASE_OWNER_URL"],
    }


def test_secrets_from_files(tmp_path: Path) -> None:
    key, address = tmp_path / "key", tmp_path / "address"
    key.write_text(new_private_key())
    address.write_text("postgres://noren_app:from-a-file@db.example/noren\n")
    given = production(
        JWT_PRIVATE_KEY=None,
        JWT_PRIVATE_KEY_FILE=str(key),
        DATABASE_URL=None,
        DATABASE_URL_FILE=str(address),
    )
    assert TABLE.faults(given) == []
    assert variables.JWT_PRIVATE_KEY.read(given) == key.read_text().strip()
    assert variables.DATABASE_URL.read(given)["PASSWORD"] == "from-a-file"
    TABLE.take_in_files(given)
    assert given["DATABASE_URL"] == address.read_text().strip()
    assert "DATABASE_URL_FILE" not in given


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    [fault] = faults(SECRET_KEY=None, SECRET_KEY_FILE=str(tmp_path / "none"))
    assert (
        fault == f"SECRET_KEY_FILE: {tmp_path / 'none'} can't be read: No such file or directory."
    )


def test_a_file_that_is_empty_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(" \n")
    assert faults(SECRET_KEY=None, SECRET_KEY_FILE=str(tmp_path / "key")) == [
        "SECRET_KEY: is not set."
    ]


@pytest.mark.parametrize(
    "address",
    [
        "postgres://noren_app:hush%40@db.example:5432/noren?sslmode=verify-full",
        "postgres://db.example/noren?password=hush&user=noren_app",
        "postgres//noren_app:hush@db.example/noren",
        "postgres://noren_app:hush@db.example:port/noren",
    ],
)
def test_nothing_secret_is_shown(address: str) -> None:
    shown = variables.DATABASE_URL.shown({"DATABASE_URL": address})
    assert "hush" not in shown
    assert HIDDEN in shown


def test_what_is_no_secret_is_shown() -> None:
    address = "postgres://noren_app:hush@db.example:5432/noren?sslmode=verify-full"
    assert variables.DATABASE_URL.shown({"DATABASE_URL": address}) == (
        f"postgres://noren_app:{HIDDEN}@db.example:5432/noren?sslmode=verify-full"
    )
    assert variables.REDIS_URL.shown({"REDIS_URL": "redis://:hush@r/0"}) == f"redis://:{HIDDEN}@r/0"
    assert variables.SECRET_KEY.shown({"SECRET_KEY": "hush"}) == HIDDEN
    assert variables.LOG_LEVEL.shown({}) == "INFO"


def test_what_an_address_says_of_tls_reaches_libpq() -> None:
    address = "postgres://noren_app:x@db.example/noren?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    read = variables.DATABASE_URL.read({"DATABASE_URL": address})
    assert read["OPTIONS"] == {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"}


def test_every_variable_stands_in_the_table_once() -> None:
    names = [variable.name for variable in TABLE]
    assert len(names) == len(set(names))
    declared = {name for name in vars(variables) if name in names}
    assert declared == set(names)
    assert set(URL_VARIABLES) <= set(names)


@pytest.mark.parametrize("module", ["base.py", "local.py", "production.py"])
def test_settings_read_nothing_past_the_table(module: str) -> None:
    text = (SETTINGS / module).read_text()
    assert [
        word for word in ("environ[", "environ.get", "getenv", "env(", "env.") if word in text
    ] == []


def test_a_variable_without_value_or_default_says_so() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^REDIS_URL: is not set\.$"):
        variables.REDIS_URL.read({})
