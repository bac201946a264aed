"""Query parameters: each is known to its route or refused by name, and none is given twice."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from noren_kit.core.errors import InvalidInput


def refuse_unknown(request: Request, known: Collection[str]) -> None:
    """Raises `InvalidInput` naming every parameter that is not in `known` or stands twice."""
    faults = {}
    for name, values in request.query_params.lists():
        if name not in known:
            faults[name] = [
                {"code": "unknown_parameter", "message": _("This parameter is not known here.")}
            ]
        elif len(values) > 1:
            faults[name] = [{"code": "repeated", "message": _("This parameter stands twice.")}]
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


def names(request: Request, parameter: str) -> list[str]:
    """A comma-separated parameter as a list; empty where it is absent."""
    text = request.query_params.get(parameter, "")
    return [name.strip() for name in text.split(",") if name.strip()]
