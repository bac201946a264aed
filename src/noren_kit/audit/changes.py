"""Finding changes in the tenant's history: by time, which is a range of its ids."""

from __future__ import annotations

import datetime as dt
import uuid

from django.apps import apps
from django.db import models

from noren_kit.db.history import recorded_as

_MICROSECOND = dt.timedelta(microseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LAST = uuid.UUID(int=2**128 - 1)


def first_id_at(moment: dt.datetime) -> uuid.UUID:
    """The least id that a change of this moment or a later one may have."""
    micros = max((moment - _EPOCH) // _MICROSECOND, 0)
    milliseconds, rest = divmod(micros, 1000)
    if milliseconds >= 1 << 48:
        return _LAST
    head = milliseconds << 80 | 0x7 << 76 | (rest * 4096 // 1000) << 64
    return uuid.UUID(int=head)


def first_id_after(moment: dt.datetime) -> uuid.UUID:
    """The least id that a change after this moment may have."""
    return first_id_at(moment + _MICROSECOND)


def resource_of(model: type[models.Model]) -> str | None:
    """What history calls rows of `model`, None where it keeps none."""
    recorded = recorded_as(model)
    return recorded.resource if recorded else None


def recorded_models() -> dict[str, type[models.Model]]:
    """Every model that has a history, by what history calls it."""
    found = ((resource_of(model), model) for model in apps.get_models())
    return {resource: model for resource, model in found if resource is not None}
