"""The web server: granian over an application that is imported once, before its workers.

Workers are forked from the process that has imported it, so they share that memory instead of
holding a copy each, and a worker that died is replaced at once. It follows that importing the
application must leave nothing that a fork should not copy: no connection and no thread. The
modules of a running server stay as they are: a new release needs a restart, not a SIGHUP.

    python -m noren_kit.api.serving MODULE:NAME --port 8000 --workers 2 --threads 1

SIGTERM: readiness fails at once, requests are taken for `--drain-seconds` more, until whoever
sends them has noticed; then none are taken, those that run get `--stop-seconds`, and it ends.
SIGINT, or a second SIGTERM, leaves the first part out.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, cast

from granian import net
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.mp import MPServer

from noren_kit.core.starting import ends_if_refused
from noren_kit.core.variables import FILE_SUFFIX
from noren_kit.observability import draining
from noren_kit.observability.metrics_folder import prepare

# What libraries import if it is installed, and a server of JSON has no use for: colours of a
# console (structlog) and a client (the test client of Django REST framework). And redis-py
# imports OpenTelemetry, whether or not there is somebody to send traces to.
_UNUSED = ("rich", "requests")
TRACES_TO = "OTEL_EXPORTER_OTLP_ENDPOINT"
# Of a request's head: the time for it, and what is read of it before the server itself refuses;
# the application refuses a line or a field past the contract's 8 KB, in its own words.
HEADER_SECONDS = 10
HEADER_BYTES = 64 * 1024


def import_and_freeze(target: str) -> None:
    """Import MODULE:NAME's module into memory that forked processes go on sharing.

    The collector writes to whatever it looks at, which would copy those pages: what is there
    now is kept out of its sight, and it runs only afterwards (see `gc.freeze`).
    """
    gc.disable()
    are_traced = any(os.environ.get(name) for name in (TRACES_TO, TRACES_TO + FILE_SUFFIX))
    unused = _UNUSED if are_traced else (*_UNUSED, "opentelemetry")
    for name in unused:
        sys.modules[name] = None  # type: ignore[assignment]  # as if it were not installed
    with ends_if_refused():
        import_module(target.partition(":")[0])
    gc.freeze()
    gc.enable()


class _Server(MPServer):
    """Drains before it stops, and can listen on a socket that its parent keeps."""

    drain_seconds = 0.0
    listening: int | None = None

    def signal_handler_interrupt(self, number: int = 0, *rest: Any, **named: Any) -> None:
        stop: Callable[..., None] = super().signal_handler_interrupt
        first = not draining.is_draining()
        draining.begin()
        if first and number == signal.SIGTERM and self.drain_seconds > 0:
            waiting = threading.Timer(self.drain_seconds, stop)
            waiting.daemon = True
            waiting.start()
            return
        stop(number, *rest, **named)

    def _init_shared_socket(self) -> None:
        bind: Callable[[], None] = super()._init_shared_socket
        if self.listening is None:
            bind()
            return
        own, granian_net = cast("Any", self), cast("Any", net)
        own._ssp, own._sfd = None, self.listening
        own._shd = granian_net.SocketHolder(self.listening, False, self.backlog)
        own._sso = socket.socket(fileno=self.listening)


def _say_ready(descriptor: int) -> None:
    os.write(descriptor, b"ready")
    os.close(descriptor)


def serve(
    target: str,
    *,
    host: str,
    port: int,
    workers: int,
    threads: int,
    stop_seconds: int,
    drain_seconds: float = 0.0,
    listening: int | None = None,
    ready: int | None = None,
) -> None:
    """Serve the WSGI application MODULE:NAME until SIGTERM or SIGINT.

    Running requests then get `stop_seconds` to end: granian by itself would wait for ever for
    a client that does not send the rest of its body. `listening` is the descriptor of a socket
    to serve on, `ready` one to write to once the application is imported (see `succession`).
    """
    if os.environ.get("METRICS_TOKEN") or os.environ.get("METRICS_TOKEN_FILE"):
        prepare()
    server = _Server(
        target,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=stop_seconds,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=HEADER_BYTES
        ),
    )
    server.drain_seconds, server.listening = drain_seconds, listening
    # macOS can fork too, but its system libraries don't survive it.
    if sys.platform == "linux":
        multiprocessing.set_start_method("fork")  # not the default since Python 3.14
        server.on_startup(partial(import_and_freeze, target))
    if ready is not None:
        server.on_startup(partial(_say_ready, ready))
    server.serve()


def main() -> None:
    parser = argparse.ArgumentParser(prog="noren_kit.api.serving", description=__doc__)
    parser.add_argument("target", help="the WSGI application, as MODULE:NAME")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--threads", type=int, default=1, help="that answer, in each process")
    parser.add_argument("--stop-seconds", type=int, default=15, help="for running requests")
    parser.add_argument(
        "--drain-seconds", type=float, default=0, help="of taking requests after SIGTERM"
    )
    parser.add_argument("--listening", type=int, help="descriptor of a socket to serve on")
    parser.add_argument("--ready", type=int, help="descriptor to write to when imported")
    options = parser.parse_args()
    serve(
        options.target,
        host=options.host,
        port=options.port,
        workers=options.workers,
        threads=options.threads,
        stop_seconds=options.stop_seconds,
        drain_seconds=options.drain_seconds,
        listening=options.listening,
        ready=options.ready,
    )


if __name__ == "__main__":
    main()
