"""The worker's side of a delivery: its effect and its mark in one transaction."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from noren_kit.observability.logging import get_logger
from noren_kit.outbox.models import Delivery
from noren_kit.outbox.publishing import EventFacts, handler_named
from noren_kit.tenancy.tasks import TenantTask

_log = get_logger("noren.outbox")


@shared_task(base=TenantTask, name="outbox.deliver", acks_late=True, ignore_result=True)
def deliver(delivery_id: str) -> bool:
    """Run one delivery's handler; returns whether this call was the one that did.

    A twin (a lease that ran out while its worker lived) finds the row locked or done and
    leaves. An error rolls back and is raised: the lease decides when to try again.
    """
    delivery = (
        Delivery.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
        .select_related("event")
        .filter(id=delivery_id, handled_at=None)
        .first()
    )
    if delivery is None:
        return False
    event = delivery.event
    handler_named(delivery.handler)(
        EventFacts(
            id=event.id,
            type=event.type,
            aggregate_type=event.aggregate_type,
            aggregate_id=event.aggregate_id,
            payload=event.payload,
        )
    )
    Delivery.objects.filter(id=delivery.id).update(handled_at=timezone.now())
    _log.info("delivered", event_type=event.type, event_id=str(event.id), handler=delivery.handler)
    return True
