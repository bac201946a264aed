"""Handing work to the workers, by the names of tasks alone.

Web processes queue little and run nothing: that Celery is imported when the first task is queued,
and not with the application, spares each of them several megabytes.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from django.utils.module_loading import import_string

from noren_kit.core.conf import conf

TENANT_HEADER = "noren_tenant_id"
REQUEST_HEADER = "noren_request_id"
_IMPATIENT = {"max_retries": 0, "socket_timeout": 1, "socket_connect_timeout": 1}


def tenant_headers(tenant_id: uuid.UUID, request_id: str = "") -> dict[str, str]:
    """Headers for a task that runs inside a tenant, for the request that it comes from."""
    return {TENANT_HEADER: str(tenant_id), REQUEST_HEADER: request_id}


class BrokerAway(Exception):
    """The broker takes no tasks at present."""


@cache
def task_application() -> Any:
    """The project's Celery application, by the setting `CELERY_APP` ("module.attribute")."""
    return import_string(conf.CELERY_APP)


def queue(
    name: str, *arguments: str, headers: Mapping[str, str] | None = None, patient: bool = True
) -> None:
    """Queue the task of this name; raises `BrokerAway`.

    Who is not `patient` tries once, on a connection of its own: workers and the relay wait
    longer for theirs.
    """
    application = task_application()
    from kombu.exceptions import OperationalError

    send = partial(
        application.send_task, name, args=list(arguments), headers=headers, ignore_result=True
    )
    try:
        if patient:
            send()
            return
        with application.connection_for_write(transport_options=_IMPATIENT) as connection:
            send(connection=connection, retry=False)
    except OperationalError as error:
        raise BrokerAway(str(error)) from error
