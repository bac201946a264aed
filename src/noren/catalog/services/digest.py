"""The morning's list of what runs low, once a day and tenant."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import IntegrityError, transaction

from noren.catalog.events import DIGEST, STOCK_DIGEST
from noren.catalog.queries import list_running_low
from noren_kit.core import context
from noren_kit.db.rows import insert_together
from noren_kit.outbox.publishing import NewEvent, first_events


def announce_running_low(day: dt.date) -> bool:
    """Publish `stock.digest` for that day; false where nothing runs low, or it was published."""
    if not list_running_low(1):
        return False
    event = NewEvent(
        type=STOCK_DIGEST,
        aggregate_type=DIGEST,
        aggregate_id=uuid.uuid5(context.tenant_id(), day.isoformat()),
        payload={"day": day.isoformat()},
    )
    try:
        with transaction.atomic():
            insert_together(*first_events(event))
    except IntegrityError:
        return False
    return True
