"""Writing to the tenants' logs, so that what happened stays there when the request fails.

An entry is written at once, in the transaction of its effect. Where that is rolled back (a
platform entry that ended in a 404), it is written again once the request is over.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from psycopg.types.json import Jsonb

from noren_kit.audit.models import AccessEntry
from noren_kit.core import context
from noren_kit.core.context import Actor
from noren_kit.core.ids import uuid7

_NAME_LENGTH = AccessEntry._meta.get_field("actor_name").max_length
_ADDRESS_LENGTH = AccessEntry._meta.get_field("address").max_length
_RECORD = "SELECT noren_record_access(%s, %s, %s, %s, %s, %s, %s, %s, %s)"
_RECORD_OF_PERSON = "SELECT noren_record_access_of(%s, %s, %s, %s, %s, %s, %s, %s)"


def _execute(statement: str, values: list[Any], using: str = DEFAULT_DB_ALIAS) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute(statement, values)


def _facts(actor: Actor | None, details: dict[str, Any]) -> list[Any]:
    return [
        actor.user_id if actor else None,
        actor.name[:_NAME_LENGTH] if actor else "",
        actor.credential_id if actor else None,
        context.client_address()[:_ADDRESS_LENGTH],
        context.request_id(),
        Jsonb(details),
    ]


def record(
    kind: AccessEntry.Kind,
    *,
    tenant_id: uuid.UUID | None = None,
    actor: Actor | None = None,
    **details: Any,
) -> None:
    """Add an entry to a tenant's log, by default the entered one's by the acting person.

    One statement. `details` become JSON: ids as text, and never a secret.
    """
    values = [
        uuid7(),
        tenant_id or context.tenant_id(),
        kind.value,
        *_facts(actor or context.actor(), details),
    ]
    stored: list[bool] = []

    def again() -> None:
        if not stored:
            _execute(_RECORD, values)

    _execute(_RECORD, values)
    transaction.on_commit(lambda: stored.append(True))
    context.after_request(again)


def record_change(
    kind: AccessEntry.Kind,
    *,
    tenant_id: uuid.UUID | None = None,
    using: str = DEFAULT_DB_ALIAS,
    anonymous: bool = False,
    **details: Any,
) -> None:
    """Add an entry about a change that the acting person made; one statement.

    It stands or falls with the change, whose transaction (on `using`) it is written in. An
    `anonymous` one says nothing of who made it and from where.
    """
    facts = _facts(context.actor(), details)
    if anonymous:
        facts = [None, "", None, "", "", facts[-1]]
    values = [uuid7(), tenant_id or context.tenant_id(), kind.value, *facts]
    _execute(_RECORD, values, using)


def record_of_person(kind: AccessEntry.Kind, actor: Actor | None, **details: Any) -> None:
    """Add an entry to the log of each tenant that a person belongs to; one statement.

    For None, who belongs nowhere, the same statement adds nothing.
    """
    _execute(_RECORD_OF_PERSON, [kind.value, uuid7(), *_facts(actor, details)])
