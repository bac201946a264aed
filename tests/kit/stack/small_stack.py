"""A small LocalStack for the tests, run as a program: small_stack.py HOME PORT [FLAW].

Its web process answers the environment it was given; FLAW `unprepared` has a database that
cannot be made ready.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from noren_kit.stack.errors import StackError
from noren_kit.stack.local import LocalStack
from noren_kit.stack.supervisor import ProcessSpec

WEB = """
import http.server, json, os, sys, threading, signal
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(dict(os.environ)).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
def stop(*_):
    print("web finished its work", flush=True)
    threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, stop)
server.serve_forever()
"""
IDLE = "print('idling', flush=True)\nimport time\ntime.sleep(600)"
FAILS = "print('no such table', flush=True)\nraise SystemExit(3)"
PREPARE = """
import os, psycopg
psycopg.connect(os.environ["DATABASE_OWNER_URL"]).execute("SELECT 1")
"""


def main() -> int:
    home, port = Path(sys.argv[1]), int(sys.argv[2])
    flaw = sys.argv[3] if len(sys.argv) > 3 else ""

    def processes(web_port: int, environment: Mapping[str, str]) -> list[ProcessSpec]:
        web = [sys.executable, "-c", WEB, str(web_port)]
        other = [sys.executable, "-c", IDLE]
        return [ProcessSpec("web", web, environment), ProcessSpec("other", other, environment)]

    stack = LocalStack(
        home=home,
        cwd=Path.cwd(),
        settings_module="small.settings",
        prepare=[sys.executable, "-c", FAILS if flaw == "unprepared" else PREPARE],
        processes=processes,
        ready_path="/",
        ready=lambda facts: print("ready", facts["base_url"], flush=True),
    )
    try:
        stack.run(port)
    except StackError as error:
        print(f"refused: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
