"""One connection to a system, for checks and for reads that each follow a write."""

from __future__ import annotations

import http.client
import json
import uuid
from types import TracebackType
from typing import Any, Self

from scenarios import IDEMPOTENCY_KEY, Request
from stack import LOOPBACK, System

TIMEOUT_SECONDS = 60
PASSWORD = "correct horse battery"  # of the people of noren_kit.testing.shops


class Client:
    """Signed in, its connection kept for as long as the server keeps it."""

    def __init__(self, system: System) -> None:
        self.headers = system.headers()
        self.connection = http.client.HTTPConnection(LOOPBACK, system.port, timeout=TIMEOUT_SECONDS)

    def send(self, request: Request, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of the answer."""
        fields = {**self.headers, **headers}
        if request.keyed:
            fields.setdefault(IDEMPOTENCY_KEY, uuid.uuid4().hex)
        self.connection.request(request.method, request.path, request.body or None, fields)
        response = self.connection.getresponse()
        return response.status, response.headers, response.read()

    def json(self, request: Request) -> Any:
        """The body of an answer that must be a success."""
        status, _headers, body = self.send(request)
        if status >= 400:
            text = body.decode(errors="replace")[:500]
            raise SystemExit(f"{request.method} {request.path}: {status} {text}")
        return json.loads(body)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()


def sign_in(system: System, username: str, key: str) -> None:
    """Give the system's caller its credential: Noren's a new access token, others the kept one."""
    if not system.is_noren:
        system.authorization = f"Token {key}"
        return
    body = json.dumps({"username": username, "password": PASSWORD}).encode()
    system.authorization = ""
    with Client(system) as client:
        del client.headers["Authorization"]
        pair = client.json(Request("POST", "/api/auth/token/", body))
    system.authorization = f"Bearer {pair['access']}"
