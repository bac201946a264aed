"""Publishing: events and their deliveries, written by one statement in the caller's transaction."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from noren_kit.core import context
from noren_kit.core.ids import uuid7
from noren_kit.db.arrays import plain_array, text_array
from noren_kit.db.prepared import execute
from noren_kit.db.rows import unsaved
from noren_kit.observability.tracing import carried
from noren_kit.outbox.models import Delivery, Event

Handler = Callable[["EventFacts"], None]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event about to be published; `payload` must be JSON."""

    type: str
    aggregate_type: str
    aggregate_id: uuid.UUID
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventFacts:
    """An event as its handlers receive it."""

    id: uuid.UUID
    type: str
    aggregate_type: str
    aggregate_id: uuid.UUID
    payload: Mapping[str, Any]


_handlers: dict[str, dict[str, Handler]] = {}


def handles(event_type: str, *, name: str) -> Callable[[Handler], Handler]:
    """Register a handler for one type of event.

    `name` is stored with each delivery, so it must never change. A handler runs in the event's
    tenant at least once, in a transaction that also marks the delivery done.
    """

    def register(handler: Handler) -> Handler:
        _handlers.setdefault(event_type, {})[name] = handler
        return handler

    return register


def handler_named(name: str) -> Handler:
    """The handler registered under a name; raises `LookupError` for an unknown one."""
    for by_name in _handlers.values():
        if name in by_name:
            return by_name[name]
    raise LookupError(f"No handler is registered as {name!r}.")


# Rows of one call may share an aggregate: each counts on from the last stored sequence.
_PUBLISH = """
WITH input AS (
    SELECT * FROM unnest((SELECT %(ids)s::uuid[]), (SELECT %(types)s::text[]),
                         (SELECT %(aggregate_types)s::text[]),
                         (SELECT %(aggregate_ids)s::uuid[]), (SELECT %(payloads)s::jsonb[]))
             WITH ORDINALITY AS i(id, type, aggregate_type, aggregate_id, payload, position)
), event AS (
    INSERT INTO outbox_event (tenant_id, id, type, aggregate_type, aggregate_id, sequence,
                              payload, occurred_at, actor_id, request_id)
    SELECT %(tenant)s, i.id, i.type, i.aggregate_type, i.aggregate_id,
           (SELECT coalesce(max(e.sequence), 0) FROM outbox_event e
             WHERE e.tenant_id = %(tenant)s AND e.aggregate_type = i.aggregate_type
               AND e.aggregate_id = i.aggregate_id)
           + row_number() OVER (PARTITION BY i.aggregate_type, i.aggregate_id
                                ORDER BY i.position),
           i.payload, %(now)s, %(actor)s, %(request)s
      FROM input i
    RETURNING id
)
INSERT INTO outbox_delivery (tenant_id, id, event_id, handler, attempts, last_error, trace)
SELECT %(tenant)s, d.id, d.event_id, d.handler, 0, '', %(trace)s
  FROM unnest((SELECT %(delivery_ids)s::uuid[]), (SELECT %(event_ids)s::uuid[]),
              (SELECT %(handlers)s::text[]))
       AS d(id, event_id, handler)
  JOIN event ON event.id = d.event_id
"""


def publish(*events: NewEvent) -> None:
    """Write events and one delivery per registered handler; one statement, however many.

    The caller holds the aggregate's row lock, so that sequences rise without gaps.
    """
    if not events:
        return
    ids = [uuid7() for _ in events]
    due = [
        (uuid7(), event_id, name)
        for event_id, event in zip(ids, events, strict=True)
        for name in _handlers.get(event.type, ())
    ]
    execute(
        _PUBLISH,
        {
            "tenant": context.tenant_id(),
            "now": timezone.now(),
            "actor": context.actor_id(),
            "request": context.request_id(),
            "trace": carried(),
            "ids": plain_array(ids),
            "types": text_array(event.type for event in events),
            "aggregate_types": text_array(event.aggregate_type for event in events),
            "aggregate_ids": plain_array(event.aggregate_id for event in events),
            "payloads": text_array(json.dumps(event.payload) for event in events),
            **_columns(due),
        },
    )


def first_events(*events: NewEvent) -> tuple[list[Event], list[Delivery]]:
    """Events and their deliveries, unsaved, for `insert_together` with what they happened to.

    For the first event of each aggregate, which nobody else can know of yet.
    """
    now, actor, request = timezone.now(), context.actor_id(), context.request_id()
    rows = [
        unsaved(
            Event,
            type=event.type,
            aggregate_type=event.aggregate_type,
            aggregate_id=event.aggregate_id,
            sequence=1,
            payload=event.payload,
            occurred_at=now,
            actor_id=actor,
            request_id=request,
        )
        for event in events
    ]
    due = [
        unsaved(Delivery, event_id=row.id, handler=name)
        for row in rows
        for name in _handlers.get(row.type, ())
    ]
    return rows, due


def _columns(due: Sequence[tuple[uuid.UUID, uuid.UUID, str]]) -> dict[str, str]:
    return {
        "delivery_ids": plain_array(delivery for delivery, _event, _name in due),
        "event_ids": plain_array(event for _delivery, event, _name in due),
        "handlers": text_array(name for _delivery, _event, name in due),
    }
