"""`Idempotency-Key`: a call that is sent again has its effect once, and the same answer.

The key is looked at once the caller is known to be allowed what they ask, and before anything of
the body is judged. What is kept is kept in the transaction of the effect (docs/guides/retries.md).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from noren_kit.api.parsers import BodyTooLarge
from noren_kit.caching.packing import pack, unpack
from noren_kit.core import context
from noren_kit.core.errors import InvalidInput
from noren_kit.idempotency.keeping import Call, call_of, find_answer, keep_answer

HEADER, REPLAYED = "Idempotency-Key", "Idempotent-Replayed"
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?\Z")
# Written to each answer anew.
_ANEW = frozenset({"allow", "vary"})
_BOUNDARY = re.compile(r'boundary="?([^";]+)')


class Replay(Exception):
    """The call was carried out before; `response` is what was answered then."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


def begin(request: Request, *, offered: bool) -> Call | None:
    """The call that the request's key names, None where it has none or only reads.

    Raises `Replay` if it was carried out, and as `find_answer` does. In the transaction of the
    effect. Where no keys are `offered`, or no tenant is entered to keep them, one is refused.
    """
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None or request.method in SAFE_METHODS:
        return None
    actor = context.actor()
    if not offered or actor is None or context.tenant_or_none() is None:
        raise InvalidInput.field(HEADER, "not_offered", _("No keys are taken here."))
    call = call_with(
        key,
        credential_id=actor.credential_id,
        method=str(request.method),
        path=request.path,
        content=_content_of(request),
    )
    kept = find_answer(call) if call else None
    if kept is None:
        return call
    raise Replay(_given_again(kept))


def call_with(
    key: str | None, *, credential_id: uuid.UUID | None, method: str, path: str, content: bytes
) -> Call | None:
    """The call of a credential that a key names, None without one.

    Raises `InvalidInput` for a key that is none.
    """
    if key is None:
        return None
    key = key.strip(" ")
    if not _KEY.match(key):
        message = _("Give 1 to 255 printable ASCII characters.")
        raise InvalidInput.field(HEADER, "invalid", message)
    return call_of(credential_id=credential_id, method=method, path=path, key=key, content=content)


def keep(call: Call, response: Any) -> None:
    """Keep what a call is answered, if it had an effect; with `no-store` only that it had.

    `response` is finalized, and is rendered here.
    """
    if not 200 <= response.status_code < 300:
        return
    if response.streaming or "no-store" in response.headers.get("Cache-Control", ""):
        keep_answer(call, None)
        return
    if isinstance(response, Response):
        response.render()
    keep_answer(call, packed_answer(response.status_code, dict(response.items()), response.content))


def packed_answer(status: int, headers: Mapping[str, str], content: bytes) -> bytes:
    """An answer as it is kept, without the headers that each answer gets anew."""
    lasting = {name: value for name, value in headers.items() if name.lower() not in _ANEW}
    return pack(orjson.dumps([status, lasting]) + b"\n" + content)


def _given_again(kept: bytes) -> HttpResponse:
    unpacked = unpack(kept)
    if unpacked is None:
        raise ValueError("A kept answer can't be unpacked.")
    head, _line, content = unpacked.partition(b"\n")
    status, headers = orjson.loads(head)
    return HttpResponse(content, status=status, headers={**headers, REPLAYED: "true"})


def shown_ids(response: HttpResponse) -> list[uuid.UUID]:
    """The ids of the rows that a kept answer shows: its own, or those of its results."""
    if not response.content:
        return []
    body = orjson.loads(response.content)
    rows = body.get("results", [body]) if isinstance(body, dict) else body
    found = (row.get("id") for row in rows if isinstance(row, dict))
    return [uuid.UUID(each) for each in found if isinstance(each, str)]


def _content_of(request: Request) -> bytes:
    django: Any = request._request
    try:
        body, kind = django.body, request.META.get("CONTENT_TYPE", "")
    except RequestDataTooBig as error:
        raise BodyTooLarge from error
    return content_of(body, kind, request.META.get("QUERY_STRING", ""))


def content_of(body: bytes, kind: str, query: str) -> bytes:
    """What must be the same in a retry: parameters and body, whatever its spaces and order.

    Judged before it is parsed strictly: what is no JSON stands for itself.
    """
    boundary = _BOUNDARY.search(kind)
    if boundary:  # Of a form: clients draw it anew each time.
        body = body.replace(boundary[1].encode("latin-1", "replace"), b"")
    else:
        body = _canonical(body)
    return b"\n".join([query.encode("utf-8", "surrogateescape"), body])


def _canonical(body: bytes) -> bytes:
    try:
        # Fractions as they are written: as floats, two of them might be alike.
        value = json.loads(body, parse_float=lambda text: ["fraction", text])
        return json.dumps(value, sort_keys=True).encode()
    except (ValueError, RecursionError):
        return body
