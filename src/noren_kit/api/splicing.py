"""What moves with every sale is spliced into what does not.

Stock changes far more often than the catalogue that shows it. So of a page that shows both, the
lasting part is kept under the revisions of what it is made from, and what moves is read anew, by
one statement for the rows of the page. A sale makes no product stale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import orjson
from django.apps import apps

from noren_kit.api.dependencies import (
    collection_of_column,
    collections_of_detail,
    collections_of_list,
)
from noren_kit.api.envelope import dumps
from noren_kit.api.pagination import Reader
from noren_kit.api.reading import Representation, plan_for, read_ids, read_rows
from noren_kit.api.serializers import ResourceSerializer
from noren_kit.caching.store import store
from noren_kit.db.revisions import collection_of

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """A representation with its ids, and its members apart: those that last and those that move."""

    whole: Representation
    lasting: Representation
    moving: Representation
    names: tuple[str, ...]
    moving_names: frozenset[str]


@lru_cache(maxsize=1)
def moving_collections() -> frozenset[str]:
    """The collections that change too often for others to hang on them (`often_revised`)."""
    found = (collection_of(model) for model in apps.get_models() if _is_often_revised(model))
    return frozenset(each for each in found if each)


def _is_often_revised(model: Any) -> bool:
    return bool(getattr(model, "often_revised", False))


@lru_cache(maxsize=1024)
def parts_of(shown: Representation) -> Parts | None:
    """The parts of a representation; None where all of it lasts, or all of it moves."""
    plan = plan_for(shown)
    if plan is None or not issubclass(shown.serializer_class, ResourceSerializer):
        return None
    moving = {
        name
        for name, reads in plan.members.items()
        if any(collection_of_column(*column) in moving_collections() for column in reads)
    }
    names = tuple(plan.members)
    if not moving or moving == set(names):
        return None
    return Parts(
        whole=shown.only({*names, "id"}),
        lasting=shown.only({*names, "id"} - moving),
        moving=shown.only(moving),
        names=names,
        moving_names=frozenset(moving),
    )


class SplicedAnswers:
    """Builds the bodies of a viewset that caches its answers."""

    def spliced(self, shown: Representation, build: Callable[[Reader], Body]) -> Body:
        """What `build` makes with a reader of `shown`; its rows stand in `results`."""
        parts = parts_of(shown)
        key = None if parts is None else self._lasting_key(parts)
        if parts is None or key is None:
            return build(partial(read_rows, representation=shown))
        kept = store().local(key)
        filled = None if kept is None else _filled(orjson.loads(kept), parts)
        if filled is not None:
            return filled
        body = build(partial(read_rows, representation=parts.whole))
        store().keep(key, dumps(_without(body, parts)))
        results = [{name: row[name] for name in parts.names} for row in body["results"]]
        return {**body, "results": results}

    def _lasting_key(self, parts: Parts) -> str | None:
        """The key of the part that lasts; None where its very rows hang on what moves."""
        view: Any = self
        request = view.request._request
        kind: Any = type(view)
        if view.action == "retrieve":
            collections = collections_of_detail(kind, parts.lasting)
        else:
            collections = collections_of_list(kind, parts.lasting, request.GET)
        if not view.cached or not collections or collections & moving_collections():
            return None
        key: str | None = view.key_under(request, collections, "lasting")
        return key


def _without(body: Body, parts: Parts) -> Body:
    """The part of a body that lasts, with its rows' ids."""
    lasting = {"id", *parts.names} - parts.moving_names
    return {**body, "results": [{name: row[name] for name in lasting} for row in body["results"]]}


def _filled(body: Body, parts: Parts) -> Body | None:
    """A kept body with what moves, as it is now; None where a row has gone meanwhile."""
    plan = plan_for(parts.moving)
    if plan is None:
        raise TypeError("A part of a plan has one too.")
    moved = read_ids(plan, [row["id"] for row in body["results"]])
    results = []
    for row in body["results"]:
        now = moved.get(row["id"])
        if now is None:
            return None
        results.append({name: (now if name in now else row)[name] for name in parts.names})
    return {**body, "results": results}
