"""The relay: claims due deliveries and hands them to the workers.

A claim is a lease, not a promise: only the worker marks a delivery done, in the transaction of
its effect. A relay, broker or worker that dies costs a lease's time and loses nothing. Polling
by "id greater than the last" is not used: it misses rows that commit late.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from django.db import connections, transaction

from noren_kit.core.conf import conf
from noren_kit.core.tasks import BrokerAway, queue, tenant_headers
from noren_kit.observability.logging import get_logger
from noren_kit.observability.metrics import outbox_depth, outbox_lag, outbox_relayed
from noren_kit.observability.tracing import TRACE_HEADER, carried, span

RELAY_ALIAS = "relay"
# An attempt doubles the lease, up to this many doublings (60 s becomes 64 min).
_MAX_DOUBLINGS = 6
_log = get_logger("noren.relay")

_DUE_TENANTS = """
SELECT DISTINCT tenant_id FROM outbox_delivery
 WHERE handled_at IS NULL AND (leased_until IS NULL OR leased_until < clock_timestamp())
 LIMIT 500
"""

_CLAIM = """
UPDATE outbox_delivery d
   SET leased_until = clock_timestamp()
                      + make_interval(secs => %(lease)s * 2 ^ least(attempts, %(doublings)s)),
       attempts = attempts + 1
 WHERE d.tenant_id = %(tenant)s
   AND d.id IN (SELECT c.id FROM outbox_delivery c
                 WHERE c.tenant_id = %(tenant)s AND c.handled_at IS NULL
                   AND (c.leased_until IS NULL OR c.leased_until < clock_timestamp())
                 ORDER BY c.id LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
RETURNING d.id, d.trace
"""

_WAITING = """
SELECT count(*), min(id::text) FROM outbox_delivery WHERE handled_at IS NULL
"""

_RELEASE = """
UPDATE outbox_delivery SET leased_until = NULL, attempts = greatest(attempts - 1, 0)
 WHERE tenant_id = %s AND id = ANY(%s) AND handled_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Claim:
    tenant_id: uuid.UUID
    delivery_ids: list[uuid.UUID]
    traces: list[str]


def claim_due() -> list[Claim]:
    """Lease up to a batch of due deliveries of each tenant in turn, so that none starves."""
    connection = connections[RELAY_ALIAS]
    claims = []
    with connection.cursor() as cursor:
        cursor.execute(_DUE_TENANTS)
        tenants = [tenant for (tenant,) in cursor.fetchall()]
    for tenant in tenants:
        with transaction.atomic(using=RELAY_ALIAS), connection.cursor() as cursor:
            cursor.execute(
                _CLAIM,
                {
                    "tenant": tenant,
                    "lease": conf.OUTBOX_LEASE_SECONDS,
                    "doublings": _MAX_DOUBLINGS,
                    "batch": conf.OUTBOX_BATCH,
                },
            )
            rows = cursor.fetchall()
            claims.append(Claim(tenant, [row for row, _ in rows], [trace for _, trace in rows]))
    return [claim for claim in claims if claim.delivery_ids]


def relay_once() -> int:
    """Claim what is due and queue it; returns how many deliveries were queued.

    With the broker away the claims are given back at once and 0 is returned.
    """
    queued = 0
    for claim in claim_due():
        for position, delivery_id in enumerate(claim.delivery_ids):
            try:
                _queue(claim.tenant_id, delivery_id, claim.traces[position])
            except BrokerAway as error:
                _log.warning("broker_away", error=str(error))
                _release(claim.tenant_id, claim.delivery_ids[position:])
                break
            queued += 1
            outbox_relayed.inc()
    return queued


def _queue(tenant_id: uuid.UUID, delivery_id: uuid.UUID, trace: str) -> None:
    with span("outbox relay", "PRODUCER", parent=trace):
        headers = {**tenant_headers(tenant_id), TRACE_HEADER: carried() or trace}
        queue("outbox.deliver", str(delivery_id), headers=headers)


def measure() -> None:
    """How many deliveries wait, and since when the oldest: its id says when it was made."""
    with connections[RELAY_ALIAS].cursor() as cursor:
        cursor.execute(_WAITING)
        waiting, oldest = cursor.fetchone()
    outbox_depth.set(waiting)
    # Milliseconds since 1970 in the first 48 bits (RFC 9562, section 5.7).
    made = (uuid.UUID(oldest).int >> 80) / 1000 if oldest else time.time()
    outbox_lag.set(max(0.0, time.time() - made))


def _release(tenant_id: uuid.UUID, delivery_ids: list[uuid.UUID]) -> None:
    with connections[RELAY_ALIAS].cursor() as cursor:
        cursor.execute(_RELEASE, [tenant_id, delivery_ids])
