"""A tenant's row belongs to a tenant that there is: by a key of its own, or by another row's."""

from __future__ import annotations

from typing import Any

import pytest

from noren_kit.audit.models import Change
from noren_kit.db.constraints import CompositeTenantForeignKey
from noren_kit.db.fields import TenantField
from noren_kit.search.models import Term
from noren_kit.tenancy.checks import tenant_models

# Written by triggers alone, from rows that are held.
FOLLOWING = {Change, Term}
MODELS = [model for model in tenant_models() if model not in FOLLOWING]


def is_held(model: Any, seen: frozenset[Any] = frozenset()) -> bool:
    """Whether PostgreSQL refuses a row whose tenant there is not."""
    (tenant,) = (each for each in model._meta.local_fields if isinstance(each, TenantField))
    if tenant.db_constraint:
        return True
    keys = {
        each.field
        for each in model._meta.constraints
        if isinstance(each, CompositeTenantForeignKey)
    }
    fields = [model._meta.get_field(name) for name in keys]
    return any(
        not field.null
        and field.related_model not in seen | {model}
        and is_held(field.related_model, seen | {model})
        for field in fields
    )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_its_tenant_exists(model: Any) -> None:
    assert is_held(model)


def test_some_need_no_key_of_their_own() -> None:
    """The rows of an order, by the ten: each key is checked for each of them."""
    spared = {
        model._meta.db_table
        for model in MODELS
        if not model._meta.get_field("tenant").db_constraint
    }
    assert {"orders_orderline", "orders_ordertax", "inventory_stockmovement"} <= spared
