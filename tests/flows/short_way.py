"""The whole application in this process, with the short way before it; says which way was taken."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from noren_kit.api.creating import Creations
from noren_kit.api.front import Front
from noren_kit.api.wsgi import Handler
from noren_kit.testing.shops import Client

# Of each answer its own, or the server's.
OWN = {"X-Request-ID", "RateLimit", "RateLimit-Policy", "Cache-Status"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes
    long: bool  # Whether the framework was asked.

    @property
    def kept(self) -> str:
        return self.headers.get("Cache-Status", "")

    def rest(self, *ignored: str) -> tuple[int, bytes, dict[str, str]]:
        """All that must be the same whichever way it came."""
        left = OWN | set(ignored)
        return self.status, self.content, {k: v for k, v in self.headers.items() if k not in left}


class _Counting(Handler):
    asked = 0

    def get_response(self, request: Any) -> Any:
        self.asked += 1
        return super().get_response(request)


class Process:
    """One web process; `Process()` is another that knows nothing yet."""

    def __init__(self) -> None:
        self.handler = _Counting()
        self.handler.fronts = (Front(), Creations())

    def get(self, client: Client, url: str, **headers: str) -> Answer:
        """As `client` is signed in."""
        return self._ask("GET", client, url, b"", headers)

    def post(self, client: Client, url: str, body: Any, **headers: str) -> Answer:
        """`body` as JSON, or as the bytes that it is."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        stated = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(raw))}
        return self._ask("POST", client, url, raw, {**stated, **headers})

    def _ask(
        self, method: str, client: Client, url: str, raw: bytes, headers: Mapping[str, str]
    ) -> Answer:
        parts, told = urlsplit(url), []
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "testserver",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(raw),
            "wsgi.errors": io.StringIO(),
            **client._credentials,
            **headers,
        }
        before = self.handler.asked
        body = self.handler(environ, lambda status, headers: told.extend([status, headers]))
        content = b"".join(body)
        getattr(body, "close", lambda: None)()
        return Answer(int(told[0][:3]), dict(told[1]), content, self.handler.asked > before)

    def long(self, client: Client, url: str, **headers: str) -> Answer:
        """As `get`, of the framework: requests with a cookie always go there."""
        return self.get(client, url, HTTP_COOKIE="some=thing", **headers)
