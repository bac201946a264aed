"""`python -m rehearsal`: start production, use it, roll it, stop it; exit code 1 if anything fails.

python -m rehearsal                    # headers, redirects, limits, probes, logs; a clean stop
python -m rehearsal rolling use        # releases under load first
python -m rehearsal faults             # servers that go away under load
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from noren_kit.stack.errors import StackError
from noren_kit.stack.ports import any_free
from rehearsal import programs
from rehearsal.application import Application, environment
from rehearsal.faults import faults
from rehearsal.mailbox import Mailbox
from rehearsal.report import Report
from rehearsal.resolver import resolver_of
from rehearsal.rolling import roll
from rehearsal.servers import SERVICES, Servers
from rehearsal.stage import Stage
from rehearsal.use import use

WEB_INSTANCES = 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="rehearsal", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=["rolling", "faults", "use"], default=["use"])
    parser.add_argument("--rounds", type=int, default=20, help="restarts of web")
    parser.add_argument("--keep", action="store_true", help="leave the folder with its logs")
    options = parser.parse_args()
    report = Report()
    folder = Path(tempfile.mkdtemp(prefix="noren-rehearsal-", dir="/var/tmp"))
    folder.chmod(0o711)
    print(f"in {folder}", flush=True)
    try:
        with Mailbox() as mailbox:
            _rehearse(folder, mailbox, report, options)
    except StackError as error:
        report.check("the rehearsal runs to its end", False, error)
    keep = options.keep or bool(report.failed)
    if not keep:
        shutil.rmtree(folder)
    print(f"{report.passed} checks held, {len(report.failed)} failed.", flush=True)
    for each in report.failed:
        print(f"  failed: {each}")
    if keep:
        print(f"Logs: {folder}/log")
    return 1 if report.failed else 0


def _rehearse(folder: Path, mailbox: Mailbox, report: Report, options: Any) -> None:
    ports = [any_free() for _ in range(WEB_INSTANCES)]
    resolver = resolver_of(folder, SERVICES.values(), report)
    servers = Servers(folder, programs.find(), ports, named=resolver is not None)
    application: Application | None = None
    try:
        with report.step("PostgreSQL with TLS, PgBouncer, Redis"):
            servers.start_postgres()
            servers.start_pgbouncer()
            servers.start_redis()
        application = Application(servers, environment(servers, mailbox.port), resolver)
        with report.step("migrations"):
            application.command("migrate", "--verbosity", "0")
        credentials = folder / "demo.json"
        with report.step("demo data"):
            application.command("demo", "--scale", "0.1", "--credentials", str(credentials))
        with report.step("web, worker, beat, relay, nginx"):
            application.start()
            servers.start_nginx()
        with report.step("Prometheus"):
            token = application.environment["METRICS_TOKEN"]
            servers.start_prometheus(token, application.metrics_ports.values())
        people = json.loads(credentials.read_text())["tenants"][0]["users"]
        stage = Stage(servers, application, mailbox, report, people, resolver)
        if "rolling" in options.parts:
            roll(stage, options.rounds)
        if "faults" in options.parts:
            faults(stage)
        if "use" in options.parts:
            use(stage)
    finally:
        if application is not None and application.running:
            application.stop()
        servers.stop()
        if resolver is not None:
            resolver.stop()


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
