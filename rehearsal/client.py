"""A client of the proxy, from a loopback address of its choice, over TLS that it verifies."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noren_kit.stack.ports import LOOPBACK
from rehearsal.servers import NAME

TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """Header names in lower case; a name that came twice is listed twice in `names`."""

    status: int
    headers: dict[str, str]
    names: list[str]
    body: bytes

    @property
    def data(self) -> Any:
        """The body, which must be JSON."""
        return json.loads(self.body)


class _Connection(http.client.HTTPConnection):
    """To 127.0.0.1, whatever the name; with TLS if there is a context."""

    def __init__(self, port: int, source: str, context: ssl.SSLContext | None) -> None:
        super().__init__(NAME, port, timeout=TIMEOUT_SECONDS)
        self._source, self._context = source, context

    def connect(self) -> None:
        raw = socket.create_connection(
            (LOOPBACK, self.port), self.timeout, source_address=(self._source, 0)
        )
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = (
            raw if self._context is None else self._context.wrap_socket(raw, server_hostname=NAME)
        )


class Client:
    """One kept connection from `source`; `token` is sent where it is set."""

    def __init__(self, port: int, authority: Path | None, source: str = "127.0.0.2") -> None:
        self._context = None
        if authority is not None:
            self._context = ssl.create_default_context(cafile=str(authority))
        self._connection = _Connection(port, source, self._context)
        self.token: str | None = None

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request (`body` as JSON, bytes as they are); `_` in header names means `-`."""
        sent = {"Content-Type": "application/json"} if body is not None else {}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        try:
            self._connection.request(method, path, data, sent)
            response = self._connection.getresponse()
            content = response.read()
        except BaseException:
            self._connection.close()
            raise
        pairs = [(name.lower(), value) for name, value in response.getheaders()]
        return Answer(response.status, dict(pairs), [name for name, _ in pairs], content)

    def connect(self) -> None:
        """Connect now; raises OSError where nobody takes the connection."""
        self._connection.connect()

    def sign_in(self, username: str, password: str) -> Answer:
        """Sign in, and keep the token."""
        credentials = {"username": username, "password": password}
        answer = self.send("POST", "/api/auth/token/", credentials)
        self.token = answer.data["access"] if answer.status == 200 else None
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
