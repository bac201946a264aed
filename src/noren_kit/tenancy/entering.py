"""Entering a tenant: the database's side and the program's side together, or neither.

The setting is local to the transaction, first in it, so that a pooled connection can't hand a
tenant to the next borrower (docs/guides/isolation.md).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction

from noren_kit.core import context
from noren_kit.core.context import Actor, Revisions, TenantInfo
from noren_kit.db.constraints import TENANT_SETTING
from noren_kit.db.history import CAUSE_SETTING, cause_text
from noren_kit.db.prepared import Question, fetch_together
from noren_kit.tenancy.models import Tenant

TENANT_COLUMNS = (
    "id",
    "slug",
    "name",
    "currency",
    "standard_tax_rate",
    "tax_rounding",
    "prices_include_tax",
    "locale",
    "time_zone",
    "requests_per_hour",
    "require_if_match",
)


class TenantUnavailable(LookupError):
    """No active tenant has this id."""


def set_database_tenant(tenant_id: uuid.UUID | None, using: str = "default") -> None:
    """Set the database's side alone, until the transaction ends: the policies', and history's."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT set_config(%s, %s, true), set_config(%s, %s, true)",
            [TENANT_SETTING, str(tenant_id) if tenant_id else "", CAUSE_SETTING, _cause()],
        )


def _cause(actor: Actor | None = None, *, anonymous: bool = False) -> str:
    """Who writes now, as history names them; by default who acts already, else the program."""
    if anonymous:
        return cause_text()
    actor = actor or context.actor()
    request_id = context.request_id()
    if actor is None:
        return cause_text(request_id=request_id, name=context.program())
    return cause_text(
        actor=actor.user_id,
        credential=actor.credential_id,
        request_id=request_id,
        name=actor.name,
    )


_SET = f"SELECT set_config('{TENANT_SETTING}', %s, true)"


def fetch_inside(
    tenant_id: uuid.UUID, questions: Sequence[Question], using: str = "default"
) -> list[list[tuple[Any, ...]]]:
    """`fetch_together` inside a tenant, for callers whose standing has just been read.

    The setting goes before and ends with these statements, which are one transaction.
    """
    return fetch_together([Question(_SET, (str(tenant_id),)), *questions], using)[1:]


def tenant_info(row: tuple[Any, ...]) -> TenantInfo:
    """A row of `TENANT_COLUMNS` as the context keeps it."""
    return TenantInfo(**dict(zip(TENANT_COLUMNS, row, strict=True)))


def _read_and_enter(
    tenant_id: uuid.UUID, using: str, suspended: bool, cause: str
) -> tuple[TenantInfo, Revisions]:
    condition = "" if suspended else f" AND status = '{Tenant.Status.ACTIVE}'"
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(TENANT_COLUMNS)}, set_config(%s, id::text, true),"  # noqa: S608
            " set_config(%s, %s, true), noren_revisions(id)"
            f" FROM tenancy_tenant WHERE id = %s{condition}",
            [TENANT_SETTING, CAUSE_SETTING, cause, tenant_id],
        )
        row = cursor.fetchone()
    if row is None:
        raise TenantUnavailable(f"No active tenant has the id {tenant_id}.")
    return tenant_info(row[: len(TENANT_COLUMNS)]), Revisions.parse(row[-1])


@contextmanager
def enter(
    tenant_id: uuid.UUID,
    *,
    actor: Actor | None = None,
    using: str = "default",
    suspended: bool = False,
    anonymous: bool = False,
) -> Iterator[TenantInfo]:
    """Run a block inside a tenant, in a transaction of its own or a savepoint of the outer one.

    History names the actor, or where there is none the program; `anonymous` writes leave there
    nothing of who made them. Raises `TenantUnavailable` for an unknown tenant, or a suspended one
    unless `suspended`.
    """
    outer = context.tenant_or_none()
    nested = connections[using].in_atomic_block
    with transaction.atomic(using=using):
        cause = _cause(actor, anonymous=anonymous)
        info, revisions = _read_and_enter(tenant_id, using, suspended, cause)
        with context.acting(info, actor, revisions):
            yield info
        if nested:
            set_database_tenant(outer.id if outer else None, using)


def all_tenants(using: str = "default") -> list[uuid.UUID]:
    """Ids of all tenants by age, suspended ones too: for upkeep that nobody asks for."""
    return list(Tenant.objects.using(using).order_by("id").values_list("id", flat=True))


def active_tenants(using: str = "default") -> list[uuid.UUID]:
    """Ids of all active tenants, by age: for work that visits each in turn."""
    return list(
        Tenant.objects.using(using)
        .filter(status=Tenant.Status.ACTIVE)
        .order_by("id")
        .values_list("id", flat=True)
    )
