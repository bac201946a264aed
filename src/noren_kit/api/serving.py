"""The web server: granian over an application that is imported once, before its workers.

Workers are forked from the process that has imported it, so they share that memory instead of
holding a copy each, and a worker that died is replaced at once. It follows that importing the
application must leave nothing that a fork should not copy: no connection and no thread. The
modules of a running server stay as they are: a new release needs a restart, not a SIGHUP.

    python -m noren_kit.api.serving MODULE:NAME --port 8000 --workers 2 --threads 1
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
from functools import partial
from importlib import import_module

from granian.constants import Interfaces
from granian.server import Server

from noren_kit.observability.metrics_folder import prepare

# What libraries import if it is installed, and a server of JSON has no use for: colours of a
# console (structlog) and a client (the test client of Django REST framework).
_UNUSED = ("rich", "requests")


def import_and_freeze(target: str) -> None:
    """Import MODULE:NAME's module into memory that forked processes go on sharing.

    The collector writes to whatever it looks at, which would copy those pages: what is there
    now is kept out of its sight, and it runs only afterwards (see `gc.freeze`).
    """
    gc.disable()
    for name in _UNUSED:
        sys.modules[name] = None  # type: ignore[assignment]  # as if it were not installed
    import_module(target.partition(":")[0])
    gc.freeze()
    gc.enable()


def serve(
    target: str, *, host: str, port: int, workers: int, threads: int, stop_seconds: int
) -> None:
    """Serve the WSGI application MODULE:NAME until SIGTERM or SIGINT.

    Running requests then get `stop_seconds` to end: granian by itself would wait for ever for
    a client that does not send the rest of its body.
    """
    if os.environ.get("METRICS_TOKEN"):
        prepare()
    server = Server(
        target,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=stop_seconds,
    )
    # macOS can fork too, but its system libraries don't survive it.
    if sys.platform == "linux":
        multiprocessing.set_start_method("fork")  # not the default since Python 3.14
        server.on_startup(partial(import_and_freeze, target))
    server.serve()


def main() -> None:
    parser = argparse.ArgumentParser(prog="noren_kit.api.serving", description=__doc__)
    parser.add_argument("target", help="the WSGI application, as MODULE:NAME")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--threads", type=int, default=1, help="that answer, in each process")
    parser.add_argument("--stop-seconds", type=int, default=15, help="for running requests")
    options = parser.parse_args()
    serve(
        options.target,
        host=options.host,
        port=options.port,
        workers=options.workers,
        threads=options.threads,
        stop_seconds=options.stop_seconds,
    )


if __name__ == "__main__":
    main()
