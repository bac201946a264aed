"""Asking a web process itself how it is, as an orchestrator does."""

import http.client

from noren_kit.stack.ports import LOOPBACK


def probe(port: int, path: str) -> str:
    """Ask without the proxies that the environment may name; return status and body.

    Raises OSError and `http.client.HTTPException`.
    """
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return f"{response.status} {response.read(2000).decode(errors='replace')}"
    finally:
        connection.close()
