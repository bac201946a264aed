"""The rows of one bulk call and what is wrong with them, by their place in the request."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from noren_kit.api.parameters import parse_id
from noren_kit.core.conf import conf
from noren_kit.core.errors import (
    AppError,
    Conflict,
    InvalidInput,
    NotFound,
    RowFaults,
    faults_of,
)

MODES = ALL_OR_NONE, REJECT_FAILED_ROWS = "all_or_none", "reject_failed_rows"
# Each attempt ends by naming rows at fault; rules of different kinds name theirs in turn.
_ATTEMPTS = 4

Written = TypeVar("Written")


def rows_of(body: Any) -> list[Any]:
    """The rows of a request's body; raises `InvalidInput` unless it is a list of a fair length."""
    if not isinstance(body, list):
        raise InvalidInput.field("non_field_errors", "not_a_list", _("Give a list of rows."))
    if not body:
        raise InvalidInput.field("non_field_errors", "empty", _("Give at least one row."))
    most = conf.MAX_BULK_ROWS
    if len(body) > most:
        message = _("Give at most %(most)s rows.") % {"most": most}
        raise InvalidInput.field("non_field_errors", "too_many", message)
    return body


@dataclass
class Batch:
    """`rows` as they were sent, `faults` of those that can't be written, by place."""

    rows: Sequence[Any]
    mode: str = ALL_OR_NONE
    faults: dict[int, dict[str, Any]] = field(default_factory=dict)

    def refuse(self, place: int, faults: Mapping[str, Any]) -> None:
        self.faults[place] = {**self.faults.get(place, {}), **faults}

    def refuse_for(self, place: int, error: AppError) -> None:
        self.refuse(place, faults_of(error))

    def standing(self, places: Iterable[int] | None = None) -> list[int]:
        """The places of rows without a fault so far."""
        every = range(len(self.rows)) if places is None else places
        return [place for place in every if place not in self.faults]

    def take_ids(self) -> dict[int, uuid.UUID]:
        """The ids that the rows name, by place; what names none, or one again, is refused."""
        found: dict[int, uuid.UUID] = {}
        seen: set[uuid.UUID] = set()
        for place, row in enumerate(self.rows):
            if not isinstance(row, Mapping):
                message = _("Give an object with the row's id.")
                self.refuse(place, {"non_field_errors": [_fault("invalid", message)]})
                continue
            given = row.get("id")
            if given is None:
                self.refuse(place, {"id": [_fault("required", _("Give the row's id."))]})
                continue
            identifier = parse_id(given) if isinstance(given, str) else None
            if identifier is None:
                self.refuse_for(place, NotFound())
            elif identifier in seen:
                message = _("Another row of the request has this id.")
                self.refuse(place, {"id": [_fault("repeated", message)]})
            else:
                seen.add(identifier)
                found[place] = identifier
        return found

    def write(self, write: Callable[[list[int]], list[Written]]) -> list[Written]:
        """What `write` makes of the rows without a fault, whose places it is given.

        It is done in a savepoint. If it raises `RowFaults`, by places in that list, what it did
        is undone and the others are tried: so that all faults are found, and so that those who
        want the good rows written get them. Raises `RowFaults` if all was wanted or none.
        """
        written = self._attempted(write)
        if self.faults and self.mode == ALL_OR_NONE:
            raise RowFaults(self.faults)
        return written

    def _attempted(self, write: Callable[[list[int]], list[Written]]) -> list[Written]:
        for _attempt in range(_ATTEMPTS):
            standing = self.standing()
            if not standing:
                return []
            try:
                with transaction.atomic():
                    return write(standing)
            except RowFaults as refused:
                for at, faults in refused.faults.items():
                    self.refuse(standing[at], faults)
        raise Conflict

    def errors(self) -> dict[str, Any]:
        """The faults as an answer shows them."""
        return {str(place): self.faults[place] for place in sorted(self.faults)}


def _fault(code: str, message: Any) -> dict[str, Any]:
    return {"code": code, "message": message}
