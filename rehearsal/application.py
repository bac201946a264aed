"""Noren's processes as they are in production: its settings, its commands, one log each."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from noren_kit.core.keys import new_private_key
from noren_kit.stack.errors import StackError
from noren_kit.stack.ports import LOOPBACK, any_free
from noren_kit.stack.probing import probe
from noren_kit.stack.process import GuardedProcess
from rehearsal.resolver import Resolver
from rehearsal.servers import NAME, Servers

CHECKOUT = Path(__file__).parents[1]
SETTINGS = "noren.config.settings.production"
READY = "/health/ready/"
READY_SECONDS = 60.0
STOP_SECONDS = 20
_CLASSES = ("anonymous", "credential", "sign_in", "refresh", "password_reset", "sign_in_failures")
PLENTY = ",".join(f"{each}=1000000/60" for each in _CLASSES)  # the proxy's limits are looked at
CELERY = ["celery", "--quiet", "-A", "noren.config.celery"]
WORKER = "worker --loglevel info --concurrency 2 --without-gossip --without-mingle"


def environment(servers: Servers, mail_port: int) -> dict[str, str]:
    """All that a process of production is told."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {
        **kept,
        **servers.role_urls(),
        # What an address says of TLS, for whoever does not read it there.
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(servers.authority.file),
        "PREPARED_STATEMENTS": "false",
        "REDIS_URL": servers.redis_url,
        "SECRET_KEY": secrets.token_urlsafe(64),
        "JWT_PRIVATE_KEY": new_private_key(),
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "ALLOWED_HOSTS": f"{NAME},{LOOPBACK}",
        "PUBLIC_ORIGINS": f"https://{NAME}:{servers.https_port}",
        "TRUSTED_PROXIES": f"{LOOPBACK}/32",
        "LIMITS": PLENTY,
        "METRICS_TOKEN": secrets.token_urlsafe(32),
        "EMAIL_HOST": servers.host("mail"),
        "EMAIL_PORT": str(mail_port),
        "NOREN_HOME": str(servers.folder),
        "MEDIA_FOLDER": str(servers.folder / "media"),
        "PYTHONUNBUFFERED": "1",
        "LC_ALL": "C.UTF-8",
    }


class Application:
    """Web (one succession per port), worker, beat and relay; `resolver` is theirs, if any."""

    def __init__(
        self, servers: Servers, environment: Mapping[str, str], resolver: Resolver | None = None
    ) -> None:
        self._servers, self._resolver = servers, resolver
        self.environment = dict(environment)
        self.running: dict[str, GuardedProcess] = {}
        self.metrics_ports = {name: any_free() for name in ("worker", "beat", "relay")}

    def command(self, *arguments: str, settings: str = "") -> None:
        """Run a `noren` command to its end, perhaps with other settings than production's.

        Raises StackError with what it said.
        """
        result = subprocess.run(  # noqa: S603  our own program
            self._python("noren.cli", *arguments),
            env={**self.environment, "DJANGO_SETTINGS_MODULE": settings or SETTINGS},
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise StackError(f"noren {' '.join(arguments)}: {result.stdout}{result.stderr}")

    def start(self) -> None:
        """Start everything and return when each web process is ready."""
        for index, port in enumerate(self._servers.web_ports, start=1):
            self.run(f"web-{index}", *self._web(port))
        for name in self.metrics_ports:
            self.run_again(name)
        for port in self._servers.web_ports:
            self.await_ready(port)

    def start_web(
        self, name: str, *options: str, output: Path | None = None, wait: bool = True
    ) -> int:
        """Start one more web process, outside of the proxy's reach; return its port."""
        port = any_free()
        self.run(name, *self._web(port), *options, to=output)
        if wait:
            self.await_ready(port)
        return port

    def run(self, name: str, *arguments: str, to: Path | None = None) -> GuardedProcess:
        """Start one process (a module and its arguments), its lines appended to its log."""
        with (to or self._servers.log(name)).open("ab") as output:
            process = GuardedProcess(
                self._python(*arguments),
                env={
                    **self.environment,
                    "METRICS_PORT": str(self.metrics_ports.get(name, 0)),
                },
                cwd=CHECKOUT,
                output=output,
                grace=60.0,
            )
            process.start()
        self.running[name] = process
        return process

    def run_again(self, name: str) -> None:
        """Start worker, beat or relay as `start` does."""
        schedule = str(self._servers.folder / "celerybeat-schedule")
        commands = {
            "worker": [*CELERY, *WORKER.split()],
            "beat": [*CELERY, *["beat", "--loglevel", "info", "--pidfile=", "-s"], schedule],
            "relay": ["noren.cli", "relay"],
        }
        self.run(name, *commands[name])

    def stop(self, *names: str) -> dict[str, int]:
        """SIGTERM to these (to all if none is named), wait, and return their exit codes."""
        chosen = names or tuple(self.running)
        for name in chosen:
            self.running[name].ask_to_stop()
        codes = {name: self.running[name].wait() for name in chosen}
        for name in chosen:
            del self.running[name]
        return codes

    def await_ready(self, port: int) -> None:
        """Return once the web process at this port says that it is ready."""
        deadline, answer = time.monotonic() + READY_SECONDS, "nothing"
        while time.monotonic() < deadline:
            try:
                answer = probe(port, READY)
            except OSError as error:
                answer = str(error)
            if answer.startswith("200"):
                return
            time.sleep(0.1)
        raise StackError(f"Web at {port} is not ready: {answer}; see {self._servers.folder}/log")

    def _python(self, *arguments: str) -> list[str]:
        command = [sys.executable, "-m", *arguments]
        return command if self._resolver is None else self._resolver.asked_by(command)

    def _web(self, port: int) -> list[str]:
        options = f"--port {port} --workers 2 --threads 1 --stop-seconds {STOP_SECONDS}"
        target = "noren.config.wsgi:application"
        return ["noren_kit.api.succession", target, *options.split()]
