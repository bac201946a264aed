"""The short way to a row that is made: before the framework, with all that is owed.

A viewset whose `make` turns a valid body into a row is asked the long way the first time. What
its answer took that hangs on the head of the request and the standing of the caller alone is
noted: who may, and with which headers. Whoever sends such a request again is signed in, entered,
counted and looked up by their key as ever, and the same serializer and the same `make` are asked
for the row. Whatever else turns up (a fault, a refusal, a replay) rolls all of it back, and the
long way goes on, which says so in its own words. What had its COMMIT sent is never tried again
(docs/guides/retries.md).
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    InterfaceError,
    connections,
    transaction,
)
from django.http import Http404
from django.utils import translation
from rest_framework.exceptions import APIException

from noren_kit.accounts.authentication import CredentialAuthentication
from noren_kit.accounts.tokens import Bearer
from noren_kit.api.answer_keys import digest_of, standing_of, versioned
from noren_kit.api.envelope import JSON, dumps
from noren_kit.api.front import OWN_HEADERS, Asked, StartResponse, count_asked
from noren_kit.api.heads import Facts, Notes, head_of_write, shared
from noren_kit.api.limiting import headers_of
from noren_kit.api.middleware import oversize
from noren_kit.api.parsers import parse_json
from noren_kit.api.reading import represent
from noren_kit.api.retries import call_with, content_of, packed_answer
from noren_kit.core import context
from noren_kit.core.errors import AppError
from noren_kit.db.direct import Rider, riding
from noren_kit.db.prepared import spare_health_check
from noren_kit.idempotency.keeping import Call, answer_in, find_answer, finding, keep_answer
from noren_kit.limits.counting import Reading
from noren_kit.observability.addresses import client_address
from noren_kit.observability.logging import get_logger
from noren_kit.observability.middleware import (
    BEGUN,
    HEADER,
    begin,
    finish,
    log_request,
    request_identifier,
)

# What a view finds: that what its answer took is to be left, and what became of a COMMIT that was
# sent for the request. What it leaves.
WANTED, FAILED = "noren.making.wanted", "noren.making.failed"
LEFT = "noren.making.left"

_MOST_HEADS = 256
_OF_THE_ROW = frozenset({"location", "etag"})
_REFUSALS = (APIException, AppError, Http404, PermissionDenied)

_log = get_logger("noren.creating")


class Left(NamedTuple):
    """What a view leaves of a row that was made: whose view, for whom, and the headers so far."""

    view: Any
    standing: tuple[Any, ...]
    route: str | None
    language: str
    headers: Mapping[str, str]


class _Known(NamedTuple):
    """What an answer takes: `headers` all of its own but the row's, `place` its address's head."""

    left: Left
    place: str
    headers: tuple[tuple[str, str], ...]


class _Made(NamedTuple):
    known: _Known
    reading: Reading
    body: bytes
    headers: dict[str, str]


class _LongWay(Exception):
    """Nothing has become of it here."""


class Creations:
    """The rows that this process has made, by the heads of their requests."""

    def __init__(self) -> None:
        self._notes: Notes[_Known] = Notes(_MOST_HEADS)
        self._authentication = CredentialAuthentication()

    @staticmethod
    def head_of(environ: Mapping[str, Any]) -> Facts | None:
        """What tells one request from another, None for those that always go the long way."""
        return head_of_write(environ)

    def learn(
        self, head: Facts, environ: Mapping[str, Any], headers: Iterable[tuple[str, str]]
    ) -> None:
        """Remember what the long way's answer took, if it may be given the short way."""
        left: Left | None = environ.get(LEFT)
        told = {name.lower(): value for name, value in headers}
        if left is None or "set-cookie" in told:
            return
        place, _slash, _id = told["location"].removesuffix("/").rpartition("/")
        kept = tuple(each for each in headers if each[0].lower() not in OWN_HEADERS | _OF_THE_ROW)
        self._notes.note(shared(head), left.standing, _Known(left, f"{place}/", kept))

    def answer(
        self, head: Facts, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes] | None:
        """The answer, given; None where the long way must give it, as if nothing had been."""
        noted = self._notes.of(head)
        asked: Any = Asked(environ, "POST")
        if noted is None or oversize(asked):
            environ[WANTED] = True
            return None
        length = int(environ["CONTENT_LENGTH"])
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        if len(body) < length:
            return None
        identifier = request_identifier(environ.get("HTTP_X_REQUEST_ID"))
        address = client_address(asked)
        # The long way goes on with it, if it must.
        watched = environ[BEGUN] = begin(environ, identifier, address)
        with context.request_scope(identifier, address) as afterwards:
            made = self._committed(noted.known, asked, body)
            if made is None:
                return None
            finish(afterwards)
            del environ[BEGUN]
            log_request(
                watched,
                method="POST",
                route=made.known.left.route,
                status=201,
                size=len(made.body),
            )
        rest = {**headers_of(made.reading), HEADER: identifier}
        start_response(
            "201 Created",
            [
                *made.known.headers,
                ("Content-Length", str(len(made.body))),
                *made.headers.items(),
                *rest.items(),
            ],
        )
        return [made.body]

    def _committed(
        self, known: Mapping[tuple[Any, ...], _Known], asked: Any, body: bytes
    ) -> _Made | None:
        sent = False
        spare_health_check()
        try:
            with transaction.atomic():
                made = self._make(known, asked, body)
                sent = True
        except (_LongWay, *_REFUSALS):
            return None
        except Exception as error:
            if sent:  # Who knows whether it was committed? It is the view's to say what failed.
                asked.META[FAILED] = error
            elif not isinstance(error, DatabaseError | InterfaceError):
                # An error is what the long way meets as well, and says.
                _log.warning("creating_failed", exc_info=True)
            return None
        return made

    def _make(self, known: Mapping[tuple[Any, ...], _Known], asked: Any, body: bytes) -> _Made:
        """The row and what is answered, in a transaction. Raises whatever stands against it."""
        environ = asked.META
        foreseen = _foreseen_call(self._authentication.bearer(asked), environ, body)
        with riding(connections[DEFAULT_DB_ALIAS], foreseen and foreseen.rider):
            signed_in = self._authentication.authenticate(asked)
        actor, tenant = context.actor(), context.tenant_or_none()
        if signed_in is None or actor is None or tenant is None:
            raise _LongWay
        found = known.get(standing_of(actor, binds=False))
        if found is None:
            environ[WANTED] = True
            raise _LongWay
        reading = count_asked(asked, environ)
        if reading is None:
            raise _LongWay
        call = foreseen.call if foreseen else _call(environ, body, actor.credential_id)
        if call is not None and _kept(call, foreseen) is not None:
            raise _LongWay
        translation.activate(found.left.language)
        view = found.left.view
        row, members = made(view, parse_json(body))
        shown = dumps(members)
        headers = {"Location": f"{found.place}{row.pk}/"}
        if row.version is not None:
            headers["ETag"] = f'"{versioned(row.version, digest_of(shown))}"'
        if call is not None:
            keep_answer(call, packed_answer(201, {**found.left.headers, **headers}, shown))
        return _Made(found, reading, shown, headers)


def made(view: Any, stated: Any) -> tuple[Any, dict[str, Any]]:
    """The row that a viewset's `make` makes of a body, and what is shown of it."""
    shown: dict[str, Any] = {}

    def show(row: Any) -> None:
        shown.update(represent(row, view.serializer_class))

    row = view.make(view.write_serializer_class.validated(stated), show)
    shown.update((name, getattr(row, name)) for name in view.made_last)
    return row, shown


class _Foreseen(NamedTuple):
    """A call as its token names it, and the look-up of its answer."""

    call: Call
    rider: Rider


def _call(environ: Mapping[str, Any], body: bytes, credential_id: uuid.UUID | None) -> Call | None:
    return call_with(
        environ.get("HTTP_IDEMPOTENCY_KEY"),
        credential_id=credential_id,
        method="POST",
        path=environ["PATH_INFO"],
        content=content_of(body, environ["CONTENT_TYPE"], environ.get("QUERY_STRING", "")),
    )


def _foreseen_call(
    bearer: Bearer | None, environ: Mapping[str, Any], body: bytes
) -> _Foreseen | None:
    """None without a key, or where credential and tenant are known by the database alone."""
    if bearer is None or bearer.tenant_id is None:
        return None
    call = _call(environ, body, bearer.session_id)
    if call is None:
        return None
    question = finding(call, bearer.tenant_id)
    return _Foreseen(call, Rider(question.statement, question.values))


def _kept(call: Call, foreseen: _Foreseen | None) -> bytes | None:
    rows = foreseen.rider.rows if foreseen else None
    return find_answer(call) if rows is None else answer_in(call, rows)


def leave(view: Any, response: Any) -> None:
    """Have the front learn what the answer of a viewset with `make` took."""
    actor, request = context.actor(), view.request
    if actor is None or context.tenant_or_none() is None:
        return
    kind = response.headers.get("Content-Type")
    if kind != JSON or "no-store" in response.headers.get("Cache-Control", ""):
        return
    headers = {name: value for name, value in response.items() if name.lower() not in _OF_THE_ROW}
    match = request.resolver_match
    request.META[LEFT] = Left(
        type(view),
        standing_of(actor, binds=False),
        match.route if match else None,
        translation.get_language() or "",
        headers,
    )
