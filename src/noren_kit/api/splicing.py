"""What moves with every sale is spliced into what does not.

Stock changes far more often than the catalogue that shows it. So of an answer that shows both,
the lasting part is known by the revisions of what it is made from, and what moves is read anew,
by one statement for its rows. A sale makes no product stale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import orjson
from django.apps import apps

from noren_kit.api.answer_keys import Seed, parted
from noren_kit.api.dependencies import (
    collection_of_column,
    collections_of_detail,
    collections_of_list,
)
from noren_kit.api.pagination import Reader
from noren_kit.api.reading import Representation, plan_for, read_ids, read_rows
from noren_kit.api.serializers import ResourceSerializer
from noren_kit.caching.store import store
from noren_kit.db.revisions import collection_of

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """A representation's members apart: those that last, ids among them, and those that move."""

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
    """The parts of a representation; None where all of it lasts or moves, or ids are not shown."""
    plan = plan_for(shown)
    if plan is None or not issubclass(shown.serializer_class, ResourceSerializer):
        return None
    moving = {
        name
        for name, reads in plan.members.items()
        if any(collection_of_column(*column) in moving_collections() for column in reads)
    }
    names = tuple(plan.members)
    if not moving or "id" not in plan.members:
        return None
    return Parts(
        lasting=shown.only(set(names) - moving),
        moving=shown.only(moving),
        names=names,
        moving_names=frozenset(moving),
    )


class SplicedAnswers:
    """Builds the bodies of a viewset that caches its answers."""

    def spliced(self, shown: Representation, build: Callable[[Reader], Body]) -> Body:
        """What `build` makes with a reader of `shown`; its rows stand in `results`.

        An answer that was kept is taken up again where no more than its moving part has changed.
        """
        view: Any = self
        view.parts = parts = parts_of(shown)
        view.lasting = None if parts is None else self._lasting(parts)
        if view.draft is not None:
            return build(partial(view.draft.read_rows, representation=shown))
        if parts is not None and view.lasting is not None:
            kept = store().pointed(view.key_of_seed(view.lasting))
            # The version can't have changed either: that would have raised its revision.
            version, body = (None, b"") if kept is None else parted(kept)
            whole = _filled_anew(self._page(orjson.loads(body)), parts) if body else None
            if whole is not None:
                view.shown_version = version
                return whole
        return build(partial(read_rows, representation=shown))

    def _page(self, kept: Body) -> Body:
        view: Any = self
        return {"results": [kept]} if view.action == "retrieve" else kept

    def _lasting(self, parts: Parts) -> Seed | None:
        """The seed of the part that lasts; None where its very rows hang on what moves."""
        view: Any = self
        request = view.request._request
        kind: Any = type(view)
        if view.action == "retrieve":
            collections = collections_of_detail(kind, parts.lasting)
        else:
            collections = collections_of_list(kind, parts.lasting, request.GET)
        if not view.cached or not collections or collections & moving_collections():
            return None
        seed: Seed | None = view.seed_under(request, collections, "lasting")
        return seed


def _filled_anew(body: Body, parts: Parts) -> Body | None:
    plan = plan_for(parts.moving)
    if plan is None:
        raise TypeError("A part of a plan has one too.")
    return filled(body, parts, read_ids(plan, [row["id"] for row in body["results"]]))


def filled(body: Body, parts: Parts, moved: Mapping[str, Any]) -> Body | None:
    """A kept body with what moves, by id, as it is now; None where a row has gone meanwhile."""
    results = []
    for row in body["results"]:
        now = moved.get(row["id"])
        if now is None:
            return None
        results.append({name: (now if name in now else row)[name] for name in parts.names})
    return {**body, "results": results}
