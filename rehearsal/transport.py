"""TLS, HTTP/2, redirects, and what is refused before the application hears of it."""

from __future__ import annotations

import socket
import ssl
import time

from noren_kit.stack.ports import LOOPBACK
from rehearsal.servers import NAME
from rehearsal.stage import Stage

UNENCRYPTED = """
SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
 WHERE a.usename LIKE 'noren%' AND NOT s.ssl
"""
MEGABYTES_11 = bytes(11 * 1024 * 1024)
SLOW_SECONDS = 25.0


def check(stage: Stage) -> None:
    """Everything below the application."""
    report = stage.report
    report.equal("connections to PostgreSQL without TLS", stage.ask_database(UNENCRYPTED), 0)
    _versions(stage)
    _redirects(stage)
    _own_errors(stage)
    _slow_clients(stage)


def _handshake(stage: Stage, version: ssl.TLSVersion) -> str:
    """The protocol chosen by ALPN; "refused" where the handshake fails."""
    context = ssl.create_default_context(cafile=str(stage.servers.authority.file))
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    place = (LOOPBACK, stage.servers.https_port)
    try:
        with (
            socket.create_connection(place, timeout=10) as raw,
            context.wrap_socket(raw, server_hostname=NAME) as line,
        ):
            return line.selected_alpn_protocol() or "none"
    except ssl.SSLError:
        return "refused"


def _versions(stage: Stage) -> None:
    old = ssl.TLSVersion.TLSv1_1
    stage.report.equal("TLS 1.1", _handshake(stage, old), "refused")
    stage.report.equal("TLS 1.2, HTTP/2", _handshake(stage, ssl.TLSVersion.TLSv1_2), "h2")
    stage.report.equal("TLS 1.3, HTTP/2", _handshake(stage, ssl.TLSVersion.TLSv1_3), "h2")


def _redirects(stage: Stage) -> None:
    report, client = stage.report, stage.client(plain=True)
    answer = client.send("POST", "/api/v1/orders/?a=1", {})
    place = f"https://{NAME}:{stage.servers.https_port}/api/v1/orders/?a=1"
    report.equal("plain HTTP", (answer.status, answer.headers.get("location")), (308, place))
    client.close()


def _own_errors(stage: Stage) -> None:
    from rehearsal.use import envelope_holds, headers_hold

    long = "a" * 9000
    requests = {
        "a host that is not ours": (421, "misdirected", "GET", "/", None, {"Host": "evil.example"}),
        "11 MB": (413, "body_too_large", "POST", "/api/v1/orders/", MEGABYTES_11, {}),
        "11 MB with a key": (
            *(413, "body_too_large", "POST", "/api/v1/orders/", MEGABYTES_11),
            {"Idempotency-Key": "large"},
        ),
        "a line of 9 KB": (414, "uri_too_long", "GET", f"/{long}", None, {}),
        "a header of 9 KB": (431, "headers_too_large", "GET", "/", None, {"X-Long": long}),
        "TRACE": (405, "method_not_allowed", "TRACE", "/", None, {}),
    }
    for what, (status, code, method, path, body, headers) in requests.items():
        client = stage.client("127.0.0.23")
        answer = client.send(method, path, body, **headers)
        envelope_holds(stage, what, answer, status, code)
        headers_hold(stage, what, answer)
        client.close()
    client = stage.client("127.0.0.24")
    problem = {"Accept": "application/problem+json", "Accept-Language": "ja"}
    answer = client.send("POST", "/api/v1/orders/", MEGABYTES_11, **problem)
    told = (answer.headers["content-type"], answer.data["status"], answer.data["detail"])
    wanted = ("application/problem+json", 413, "本文が大きすぎます。")
    stage.report.equal("RFC 9457, in Japanese", told, wanted)
    client.close()


def _slow_clients(stage: Stage) -> None:
    """A head and a body that never end are cut, and nobody else waits meanwhile."""
    head = b"GET / HTTP/1.1\r\nHost: noren.example\r\nX-Slow: "
    body = b"POST /api/auth/token/ HTTP/1.1\r\nHost: noren.example\r\nContent-Length: 99\r\n\r\n{"
    context = ssl.create_default_context(cafile=str(stage.servers.authority.file))
    lines = {}
    for what, sent in {"a head": head, "a body": body}.items():
        place = (LOOPBACK, stage.servers.https_port)
        raw = socket.create_connection(
            place, timeout=SLOW_SECONDS, source_address=("127.0.0.25", 0)
        )
        lines[what] = context.wrap_socket(raw, server_hostname=NAME)
        lines[what].sendall(sent)
    began = time.monotonic()
    client = stage.client("127.0.0.26")
    stage.report.equal("others meanwhile", client.send("GET", "/health/live/").status, 200)
    client.close()
    for what, line in lines.items():
        try:
            while line.recv(4096):
                pass
            cut = True
        except TimeoutError:
            cut = False
        except OSError:
            cut = True
        line.close()
        stage.report.check(f"{what} that never ends is cut", cut)
    stage.report.note(f"slow clients were cut after {time.monotonic() - began:.1f} s")
