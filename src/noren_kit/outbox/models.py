"""The tenant's event log, and who still has to hear of each event."""

from __future__ import annotations

from typing import Any

from django.db import models

from noren_kit.core import context
from noren_kit.db import role_names
from noren_kit.db.constraints import AppendOnly, TableSql, unique_in_tenant
from noren_kit.db.fields import TenantField, TenantForeignKey
from noren_kit.observability.tracing import carried
from noren_kit.tenancy.models import TenantRow


class RelayAccess(TableSql):
    """Lets the relay see deliveries of all tenants and mark its claims; nothing else."""

    def statements(self, table: str, quote: Any, model: type[models.Model]) -> list[str]:
        return [
            f"CREATE POLICY relay_access ON {table} FOR ALL TO {role_names.RELAY} USING (true)",
            f"GRANT SELECT, UPDATE (leased_until, attempts) ON {table} TO {role_names.RELAY}",
        ]

    def undo_statements(self, table: str, quote: Any) -> list[str]:
        return [
            f"REVOKE ALL ON {table} FROM {role_names.RELAY}",
            f"DROP POLICY relay_access ON {table}",
        ]


class Event(TenantRow):
    """Something that happened, written in the transaction in which it happened. Append-only.

    `sequence` counts the events of one aggregate (an order, a stock item) from 1.
    """

    unrecorded = "A log itself, with actor and request."

    type = models.CharField(max_length=100)
    aggregate_type = models.CharField(max_length=50)
    aggregate_id = models.UUIDField()
    sequence = models.PositiveBigIntegerField()
    payload = models.JSONField()
    occurred_at = models.DateTimeField()
    actor_id = models.UUIDField(null=True, default=context.actor_id)
    request_id = models.CharField(max_length=64, blank=True, default=context.request_id)

    class Meta(TenantRow.Meta):
        constraints = [
            unique_in_tenant("aggregate_type", "aggregate_id", "sequence", among_live=False),
            AppendOnly(name="outbox_event_append_only"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.aggregate_id}"


class Delivery(TenantRow):
    """One handler's share of one event; done when `handled_at` is set, by the worker alone."""

    unrecorded = "Work of the relay and the workers on an event that is logged."

    tenant = TenantField(db_constraint=False)
    event = TenantForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    handler = models.CharField(max_length=150)
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    handled_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    # Of the span in which the event happened (W3C Trace Context), where it is traced.
    trace = models.CharField(max_length=55, blank=True, default=carried, db_default="")

    class Meta(TenantRow.Meta):
        constraints = [
            unique_in_tenant("event", "handler", among_live=False),
            RelayAccess(name="outbox_delivery_relay_access"),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "leased_until"],
                condition=models.Q(handled_at__isnull=True),
                name="outbox_delivery_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.event_id} → {self.handler}"
