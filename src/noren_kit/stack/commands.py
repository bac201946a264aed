"""Gives a single command the environment that it would have inside the stack."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noren_kit.stack.environment import (
    application_keys,
    outside_database,
    placeholders,
    running_environment,
)
from noren_kit.stack.servers import Servers

_COMPLETE = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "SECRET_KEY", "JWT_PRIVATE_KEY", "REDIS_URL")


@contextmanager
def command_environment(
    home: Path, settings_module: str, *, needs_database: bool = True
) -> Iterator[None]:
    """Fill in what os.environ lacks, for as long as the block runs.

    In this order: a database named by the environment, the stack that runs in `home`, and else
    an embedded PostgreSQL started for this command alone; without `needs_database` placeholders
    do. An environment that names settings, keys and servers is left as it is. Raises StackError
    if the server cannot be started.
    """
    before = dict(os.environ)
    if all(before.get(name) for name in _COMPLETE):
        yield  # As in production: each process has what it needs, and no more.
        return
    try:
        if outside_database(before):
            _fill(application_keys(home, before), settings_module)
            yield
        elif running := running_environment(home):
            _fill(running, settings_module)
            yield
        elif needs_database:
            with Servers(home, before, redis=False) as servers:
                _fill(servers.environment | application_keys(home, before), settings_module)
                yield
        else:
            _fill(placeholders(), settings_module)
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _fill(values: dict[str, str], settings_module: str) -> None:
    for name, value in values.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module)
