"""`POST`, `PATCH` and `DELETE bulk/` of a viewset."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from noren_kit.accounts.row_rules import refused_rows
from noren_kit.api.bulk.batches import MODES, Batch, rows_of
from noren_kit.api.bulk.judging import judge, refuse_duplicates
from noren_kit.api.bulk.versions import RowReference
from noren_kit.api.fields import FOUND_ROWS
from noren_kit.api.parameters import one_of
from noren_kit.api.reading import Representation, read_rows
from noren_kit.api.versions import FIELD as VERSION
from noren_kit.api.versions import (
    PreconditionFailed,
    PreconditionRequired,
    check_version,
    has_versions,
)
from noren_kit.core.errors import AppError, Forbidden, NotFound, RowFaults, faults_of
from noren_kit.softdelete.deleting import soft_delete_all

MODE = "mode"


class BulkRows:
    """Bulk calls of a viewset; what has none states why in `not_bulk`.

    Each row is judged as it would be alone: its members, what it refers to, who may write it.
    `perform_bulk_*` hooks write the rows that are right, as `perform_*` write one.
    """

    #: Why there are no bulk calls; empty where there are.
    not_bulk: ClassVar[str] = ""
    #: Actions of many rows, which take the right to `bulk` beside their own.
    bulk_actions: ClassVar[tuple[str, ...]] = ("bulk_create", "bulk_update", "bulk_destroy")

    def batch(self, request: Request) -> Batch:
        """The rows of a request and its mode; raises `InvalidInput`."""
        mode = one_of(request, MODE, MODES)
        return Batch(rows_of(request.data), mode)

    def bulk_create(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        batch = self.batch(request)
        serializer, found = self._bulk_serializer()
        values = judge(serializer, batch, dict(enumerate(batch.rows)), found)
        of_path = self.values_of_path()
        whole = {place: {**given, **of_path} for place, given in values.items()}
        refuse_duplicates(self.resource_model(), batch, whole)

        def write(places: list[int]) -> list[uuid.UUID]:
            made = self.perform_bulk_create(serializer, [dict(whole[place]) for place in places])
            pks: list[uuid.UUID] = self._checked([row.pk for row in made])
            return pks

        made = batch.write(write)
        return _answered("created", batch, self._shown_rows(made), status=201 if made else 200)

    def bulk_update(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        batch = self.batch(request)
        objects = {at: row for at, row in enumerate(batch.rows) if isinstance(row, Mapping)}
        references = {at: _only(row, "id", VERSION) for at, row in objects.items()}
        judge(RowReference(), batch, references, {})
        rows = self.locked_rows(batch, batch.take_ids())
        serializer, found = self._bulk_serializer(partial=True)
        bodies = {at: _without(row, "id", VERSION) for at, row in objects.items()}
        judged = judge(serializer, batch, bodies, found)
        values = {place: judged[place] for place in batch.standing(rows)}
        refuse_duplicates(self.resource_model(), batch, values, rows)

        def write(places: list[int]) -> list[uuid.UUID]:
            # Of another attempt's changes nothing is left.
            changes = [(copy.copy(rows[place]), dict(values[place])) for place in places]
            written = self.perform_bulk_update(serializer, changes)
            pks: list[uuid.UUID] = self._checked([row.pk for row in written])
            return pks

        return _answered("updated", batch, self._shown_rows(batch.write(write)))

    def bulk_destroy(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        batch = self.batch(request)
        judge(RowReference(), batch, dict(enumerate(batch.rows)), {})
        rows = self.locked_rows(batch, batch.take_ids(), key=True)

        def write(places: list[int]) -> list[uuid.UUID]:
            self.perform_bulk_destroy([rows[place] for place in places])
            pks: list[uuid.UUID] = self._checked([rows[place].pk for place in places])
            return pks

        gone = batch.write(write)
        return _answered("deleted", batch, [{"id": str(pk)} for pk in gone])

    # What subclasses may do their own way

    def perform_bulk_create(self, serializer: Any, rows: Sequence[dict[str, Any]]) -> list[Any]:
        made: list[Any] = serializer.bulk_create(rows)
        return made

    def perform_bulk_update(
        self, serializer: Any, changes: Sequence[tuple[Any, dict[str, Any]]]
    ) -> list[Any]:
        written: list[Any] = serializer.bulk_update(changes)
        return written

    def perform_bulk_destroy(self: Any, rows: Sequence[Any]) -> None:
        pks = [row.pk for row in rows]
        refuse_staying(rows, soft_delete_all(self.resource_model(), pks))

    # Steps

    def _bulk_serializer(self: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        found: dict[str, Any] = {}
        context = {**self.get_serializer_context(), FOUND_ROWS: found}
        return self.get_serializer(context=context, **kwargs), found

    def locked_rows(
        self: Any, batch: Batch, ids: Mapping[int, uuid.UUID], *, key: bool = False
    ) -> dict[int, Any]:
        """The rows of these ids by place, locked; those that the caller may not write refused.

        In the order of their ids, so that two who lock the same wait and never deadlock. With
        `key`, against references as well.
        """
        wanted = [ids[place] for place in batch.standing(ids)]
        mine = self.get_queryset()
        locked = mine.select_for_update(no_key=not key, of=("self",)).filter(pk__in=wanted)
        found = {row.pk: row for row in locked.order_by("pk")}
        refused = refused_rows(self.row_rules, mine, self.right(), list(found))
        rows: dict[int, Any] = {}
        for place in batch.standing(ids):
            row = found.get(ids[place])
            if row is None:
                batch.refuse_for(place, NotFound())
            elif row.pk in refused:
                batch.refuse_for(place, refused[row.pk])
            else:
                self._judge_object(batch, place, row)
                rows[place] = row
        return {place: rows[place] for place in batch.standing(rows)}

    def _judge_object(self: Any, batch: Batch, place: int, row: Any) -> None:
        try:
            self.check_object_permissions(self.request, row)
        except PermissionDenied:
            batch.refuse_for(place, Forbidden())
        if not has_versions(self):
            return
        try:
            check_version(row, batch.rows[place].get(VERSION))
        except (PreconditionFailed, PreconditionRequired) as fault:
            batch.refuse_for(place, fault)

    def _checked(self: Any, pks: list[uuid.UUID]) -> list[uuid.UUID]:
        """`pks`; raises `RowFaults` for rows that the caller may not write as they now are."""
        model: Any = self.resource_model()
        refused = refused_rows(self.row_rules, model._base_manager.all(), self.right(), pks)
        if refused:
            raise RowFaults(
                {at: faults_of(refused[pk]) for at, pk in enumerate(pks) if pk in refused}
            )
        return pks

    def _shown_rows(self: Any, pks: Collection[uuid.UUID]) -> list[Any]:
        """The full representations of rows that were written, in their order; one statement."""
        if not pks:
            return []
        rows = read_rows(
            self.get_queryset().filter(pk__in=pks), Representation(self.serializer_class)
        )
        shown = {row.shown["id"]: row.shown for row in rows}
        return [shown[str(pk)] for pk in pks if str(pk) in shown]


def _answered(done: str, batch: Batch, results: list[Any], status: int = 200) -> Response:
    body = {f"{done}_count": len(results), "results": results, "errors": batch.errors()}
    return Response(body, status=status)


def refuse_staying(rows: Sequence[Any], refused: Mapping[uuid.UUID, AppError]) -> None:
    """Raises `RowFaults` for those of the rows that could not be deleted."""
    if refused:
        raise RowFaults(
            {at: faults_of(refused[row.pk]) for at, row in enumerate(rows) if row.pk in refused}
        )


def _only(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row}


def _without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
