"""Tenants as the platform keeps them: opened, set, suspended, resumed.

The table is written by the platform's role alone, on a connection of its own. What belongs
together is one transaction there, its entry in the tenant's log included: a tenant has its
roles and its owner's invitation, or was never made.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from psycopg import errors as pg

from noren_kit.accounts.members import OWNER, add_invitation
from noren_kit.accounts.models import Role
from noren_kit.accounts.provisioning import PLATFORM_ALIAS, create_tenant
from noren_kit.audit.models import AccessEntry
from noren_kit.audit.recording import record_change
from noren_kit.core import context
from noren_kit.core.errors import Duplicate, NotFound
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant

_STATUS_KINDS = {
    Tenant.Status.ACTIVE: AccessEntry.Kind.TENANT_RESUMED,
    Tenant.Status.SUSPENDED: AccessEntry.Kind.TENANT_SUSPENDED,
}


@dataclass(frozen=True, slots=True)
class FirstOwner:
    """Who is invited to own a new tenant."""

    email: str
    name: str = ""


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def open_tenant(*, values: Mapping[str, Any], owner: FirstOwner | None = None) -> Tenant:
    """A new tenant with its built-in roles and an invitation to `owner`, all of it or nothing.

    `values` are the tenant's fields. Raises `Duplicate` for a slug that is taken.
    """
    try:
        with transaction.atomic(using=PLATFORM_ALIAS):
            return _opened(values, owner)
    except IntegrityError as error:
        if not isinstance(error.__cause__, pg.UniqueViolation):
            raise
        fault = {"code": Duplicate.code, "message": Duplicate.message}
        raise Duplicate(details={"slug": [fault]}) from error


def _opened(values: Mapping[str, Any], owner: FirstOwner | None) -> Tenant:
    tenant = create_tenant(**values)
    with enter(tenant.id, actor=context.actor(), using=PLATFORM_ALIAS):
        record_change(
            AccessEntry.Kind.TENANT_CREATED,
            using=PLATFORM_ALIAS,
            **{name: _plain(value) for name, value in values.items()},
        )
        if owner is not None:
            role = Role.objects.using(PLATFORM_ALIAS).get(slug=OWNER)
            add_invitation(email=owner.email, name=owner.name, roles=[role], using=PLATFORM_ALIAS)
    return tenant


def _locked(tenant_id: uuid.UUID) -> Tenant:
    rows = Tenant.objects.using(PLATFORM_ALIAS).select_for_update(no_key=True)
    tenant = rows.filter(id=tenant_id).first()
    if tenant is None:
        raise NotFound
    return tenant


def change_tenant(*, tenant_id: uuid.UUID, values: Mapping[str, Any]) -> None:
    """Change a tenant's settings; effective on its next request. Raises `NotFound`."""
    with transaction.atomic(using=PLATFORM_ALIAS):
        tenant = _locked(tenant_id)
        changes = {
            name: [_plain(getattr(tenant, name)), _plain(value)]
            for name, value in values.items()
            if getattr(tenant, name) != value
        }
        if not changes:
            return
        for name in changes:
            setattr(tenant, name, values[name])
        tenant.save(update_fields=[*changes, "updated_at"])
        record_change(
            AccessEntry.Kind.TENANT_CHANGED,
            tenant_id=tenant_id,
            using=PLATFORM_ALIAS,
            changes=changes,
        )


def set_status(*, tenant_id: uuid.UUID, status: Tenant.Status) -> None:
    """Suspend or resume a tenant; does nothing where that is its status. Raises `NotFound`."""
    with transaction.atomic(using=PLATFORM_ALIAS):
        tenant = _locked(tenant_id)
        if tenant.status == status:
            return
        tenant.status = status
        tenant.save(update_fields=["status", "updated_at"])
        record_change(_STATUS_KINDS[status], tenant_id=tenant_id, using=PLATFORM_ALIAS)
