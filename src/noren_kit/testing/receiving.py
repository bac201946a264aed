"""A receiver of what the program posts to others: a collector, a reporting service."""

from __future__ import annotations

import gzip
import http.server
import threading
import time
from collections.abc import Callable
from typing import Any, Self, TypeVar

from noren_kit.stack.ports import LOOPBACK

T = TypeVar("T")


class Receiver:
    """Takes every POST on a loopback port of its own, within its block.

    `take` is called with each body, unpacked, in a thread of the server's.
    """

    def __init__(self) -> None:
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    raw = gzip.decompress(raw)
                receiver.take(raw)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler)

    def take(self, body: bytes) -> None:
        raise NotImplementedError

    @property
    def place(self) -> str:
        """Its host and port."""
        return f"{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def awaited(look: Callable[[], T], seconds: float = 30) -> T:
    """What `look` finds, as soon as it is anything, or at the end of the time."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found
