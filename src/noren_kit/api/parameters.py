"""Query parameters: each is known to its route or refused by name, given once and not empty."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping, Sequence

from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from noren_kit.core.errors import InvalidInput

# The row as it was at that moment.
AS_OF = "as_of"

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.ASCII | re.IGNORECASE)
UNKNOWN_PARAMETER = _("This parameter is not known here.")
# An empty cursor is the way to start.
_MAY_BE_EMPTY = frozenset({"cursor"})


def parse_id(text: str) -> uuid.UUID | None:
    """An id in its one form (RFC 9562, section 4), None for anything else.

    `uuid.UUID` alone would read braces, URNs, underscores and digits of other scripts too.
    """
    return uuid.UUID(text) if _ID.match(text) else None


def refuse_unknown(request: Request, known: Collection[str]) -> None:
    """Raises `InvalidInput` naming each parameter that is unknown, stands twice or is empty."""
    faults = {}
    for name, values in request.query_params.lists():
        if name not in known:
            code, message = "unknown_parameter", UNKNOWN_PARAMETER
        elif len(values) > 1:
            code, message = "repeated", _("This parameter stands twice.")
        elif not values[0].strip() and name not in _MAY_BE_EMPTY:
            code, message = "blank", _("This parameter is empty.")
        else:
            continue
        faults[name] = [{"code": code, "message": message}]
    if faults:
        raise InvalidInput(details=faults)


def whole_number(request: Request, name: str, default: int, maximum: int) -> int:
    """A parameter as a number from 1 to `maximum`; raises `InvalidInput`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) <= 12
    if not is_number or not 1 <= int(text) <= maximum:
        message = _("Give a whole number from 1 to %(maximum)s.") % {"maximum": maximum}
        raise InvalidInput.field(name, "out_of_range", message)
    return int(text)


def names(given: Mapping[str, str], parameter: str) -> list[str]:
    """A comma-separated parameter as a list, empty where it is absent; raises `InvalidInput`."""
    text = given.get(parameter)
    if text is None:
        return []
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise InvalidInput.field(parameter, "invalid", _("Give names with commas between."))
    return found


def flag(request: Request, name: str) -> bool:
    """A parameter as true or false, false where it is absent; raises `InvalidInput`."""
    text = request.query_params.get(name)
    if text not in (None, "true", "false"):
        raise InvalidInput.field(name, "invalid", _("Give true or false."))
    return text == "true"


def one_of(request: Request, name: str, choices: Sequence[str]) -> str:
    """A parameter that is one of `choices`, the first where it is absent; raises `InvalidInput`."""
    text = request.query_params.get(name, choices[0])
    if text not in choices:
        message = _("Give one of: %(choices)s.") % {"choices": ", ".join(choices)}
        raise InvalidInput.field(name, "invalid", message)
    return text
