"""A JSON parser (RFC 8259, RFC 7493 I-JSON) that refuses what would be read in two ways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

import orjson
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser, MultiPartParser

from noren_kit.core.conf import conf
from noren_kit.core.errors import AppError

_NUL = "\0"


class BodyTooLarge(AppError):
    status = 413
    code = "body_too_large"
    message = _("The request body is too large.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ParseError(_("An object has the same key twice."))
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(_("NaN and Infinity are not JSON."))


def _check_shape(root: Any) -> None:
    """Depth, number of members and NUL characters, without recursion."""
    pending: list[tuple[Any, int]] = [(root, 1)]
    members = 0
    while pending:
        value, depth = pending.pop()
        if isinstance(value, str):
            if _NUL in value:
                raise ParseError(_("Text may not hold the character U+0000."))
            continue
        if not isinstance(value, dict | list):
            continue
        if depth > conf.MAX_JSON_DEPTH:
            raise ParseError(_("The JSON is nested too deeply."))
        members += len(value)
        if members > conf.MAX_JSON_MEMBERS:
            raise ParseError(_("The JSON has too many members."))
        if isinstance(value, dict):
            pending.extend((key, depth) for key in value)
            pending.extend((item, depth + 1) for item in value.values())
        else:
            pending.extend((item, depth + 1) for item in value)


def parse_json(body: bytes) -> Any:
    """The value of a JSON text; fractions become `Decimal`. Raises `ParseError`."""
    try:
        # Strict about encoding, surrogates and numbers, and quick to say no.
        _check_shape(orjson.loads(body))
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=Decimal,
        )
    except (ValueError, ArithmeticError, RecursionError):
        raise ParseError(_("The body is not valid JSON in UTF-8.")) from None
    return value


class StrictJsonParser(BaseParser):
    """UTF-8 only, no duplicate keys, bounded depth, members and bytes."""

    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        # Content types may hold wildcards for the framework's negotiation; a body's may not.
        stated = (media_type or "").partition(";")[0].strip().lower()
        if stated != self.media_type or _charset(media_type) not in ("utf-8", "utf8"):
            raise UnsupportedMediaType(media_type or "")
        body = stream.read(conf.MAX_BODY_BYTES + 1)
        if len(body) > conf.MAX_BODY_BYTES:
            raise BodyTooLarge
        request = (parser_context or {}).get("request")
        if request is not None and len(body) < int(request.META.get("CONTENT_LENGTH") or 0):
            raise ParseError(_("The body ended before its stated length."))
        return parse_json(body)


class FormParser(MultiPartParser):
    """Forms with files (RFC 7578), of POST alone and with a boundary."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        kind, _semicolon, rest = (media_type or "").partition(";")
        request = (parser_context or {}).get("request")
        is_form = kind.strip().lower() == self.media_type and "boundary=" in rest
        if not is_form or (request is not None and request.method != "POST"):
            raise UnsupportedMediaType(media_type or "")
        try:
            return super().parse(stream, media_type, parser_context)
        except ValueError as error:  # Django's reading of such parameters as `boundary*=a''b`.
            raise UnsupportedMediaType(media_type or "") from error


def _charset(media_type: str | None) -> str:
    for parameter in (media_type or "").split(";")[1:]:
        name, _sign, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return "utf-8"
