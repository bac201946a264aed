"""Which resources offer bulk calls: all that write, but for those that say why not."""

from __future__ import annotations

from typing import Any

from noren_kit.accounts.permissions import model_of
from noren_kit.tenancy.models import TenantModel

VERBS = {"post": "bulk_create", "patch": "bulk_update", "delete": "bulk_destroy"}


def offers_bulk(view: Any) -> bool:
    """Whether a viewset has `bulk/`, with those of POST, PATCH and DELETE that it offers."""
    model = model_of(view)
    writes = set(VERBS) & set(view.http_method_names)
    return bool(
        writes
        and model is not None
        and issubclass(model, TenantModel)
        and not getattr(view, "not_bulk", "no bulk actions")
    )
