"""PostgreSQL with TLS, PgBouncer, Redis and nginx, each on a loopback port of its own.

As root they run as an unprivileged user (`noren_kit.stack.unprivileged`).
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from noren_kit.db import roles
from noren_kit.stack import unprivileged
from noren_kit.stack.errors import StackError
from noren_kit.stack.ports import LOOPBACK, any_free
from noren_kit.stack.process import Account, GuardedProcess
from rehearsal.certificates import Authority, Certificate

DEPLOY = Path(__file__).parents[1] / "deploy"
SHIPPED = DEPLOY / "nginx"
NAME = "noren.example"
SERVICES = {each: f"{each}.{NAME}" for each in ("postgres", "pgbouncer", "redis", "mail")}
DATABASE, ADMIN = "noren", "rehearsal_admin"
START_SECONDS = 60.0
POSTGRES_CONF = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 100
shared_buffers = 128MB
fsync = off  # processes are killed here, never the machine
ssl = on
ssl_cert_file = '{certificate}'
ssl_key_file = '{key}'
ssl_min_protocol_version = 'TLSv1.2'
password_encryption = 'scram-sha-256'
timezone = 'UTC'
"""
HOSTS_CONF = "hostssl all all 127.0.0.1/32 scram-sha-256\n"
PGBOUNCER_CONF = """\
[databases]
noren = host=127.0.0.1 port={postgres} dbname=noren
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = 10
server_login_retry = 1
query_wait_timeout = 10
max_client_conn = 200
server_tls_sslmode = verify-full
server_tls_ca_file = {authority}
client_tls_sslmode = require
client_tls_cert_file = {certificate}
client_tls_key_file = {key}
"""


@dataclass
class Servers:
    """Everything under the application and in front of it; `folder` is thrown away afterwards."""

    folder: Path
    programs: dict[str, Path]
    web_ports: list[int]
    postgres_port: int = field(default_factory=any_free)
    pgbouncer_port: int = field(default_factory=any_free)
    redis_port: int = field(default_factory=any_free)
    http_port: int = field(default_factory=any_free)
    https_port: int = field(default_factory=any_free)
    prometheus_port: int = field(default_factory=any_free)
    passwords: dict[str, str] = field(default_factory=roles.new_passwords)
    named: bool = False  # whether the application knows them by `SERVICES`, or by address

    def __post_init__(self) -> None:
        self.account: Account | None = unprivileged.find_account(self.folder / "postgres")
        self.admin_password, self.redis_password = (secrets.token_urlsafe(24) for _ in range(2))
        self.authority = Authority(self.folder)
        owner = self.account.uid if self.account else None
        self.certificate: Certificate = self.authority.sign(NAME, owner, SERVICES.values())
        self.running: dict[str, GuardedProcess] = {}

    def start_postgres(self) -> None:
        """Make a cluster that is reached by TLS alone, with Noren's roles and database."""
        data = self._own("postgres")
        binaries = self.programs["postgres"].parent
        secret = self.folder / "admin.secret"
        self._write(secret, self.admin_password)
        made = unprivileged.run_as(
            self.account,
            [
                *(str(binaries / "initdb"), f"--pgdata={data}", f"--username={ADMIN}"),
                *(f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8"),
                *("--locale=C.UTF-8", "--no-sync"),
            ],
        )
        if made.returncode:
            raise StackError(f"initdb failed: {made.stderr or made.stdout}")
        self._write(
            data / "postgresql.auto.conf",
            POSTGRES_CONF.format(
                port=self.postgres_port,
                certificate=self.certificate.certificate,
                key=self.certificate.key,
            ),
        )
        self._write(data / "pg_hba.conf", HOSTS_CONF)
        self.run_postgres()
        roles.bootstrap(self.admin_url(), DATABASE, self.passwords)

    def run_postgres(self) -> None:
        """Start PostgreSQL over the data that is there."""
        data = self.folder / "postgres"
        self._run("postgres", ["-D", str(data)], stop=signal.SIGINT)
        self._await("postgres", lambda: psycopg.connect(self.admin_url(), connect_timeout=5))

    def start_pgbouncer(self) -> None:
        """Put a pooler of transactions in front of it, with TLS on both sides."""
        users = self.folder / "pgbouncer.users"
        lines = (f'"{role}" "{password}"\n' for role, password in self.passwords.items())
        self._write(users, "".join(lines))
        settings = self.folder / "pgbouncer.ini"
        text = PGBOUNCER_CONF.format(
            postgres=self.postgres_port,
            port=self.pgbouncer_port,
            users=users,
            authority=self.authority.file,
            certificate=self.certificate.certificate,
            key=self.certificate.key,
        )
        self._write(settings, text)
        self.run_pgbouncer()

    def run_pgbouncer(self) -> None:
        """Start the pooler that was set up."""
        settings = self.folder / "pgbouncer.ini"
        self._run("pgbouncer", [str(settings)], stop=signal.SIGINT)
        self._await("pgbouncer", lambda: socket.create_connection((LOOPBACK, self.pgbouncer_port)))

    def start_redis(self) -> None:
        """Start a Redis that keeps nothing on disk."""
        settings = self.folder / "redis.conf"
        lines = [f"bind {LOOPBACK}", f"port {self.redis_port}", 'save ""', "appendonly no"]
        lines += [f"requirepass {self.redis_password}", f"dir {self._own('redis')}"]
        self._write(settings, "\n".join(lines) + "\n")
        self.run_redis()

    def run_redis(self) -> None:
        """Start the Redis that was set up."""
        self._run("redis-server", [str(self.folder / "redis.conf")])
        self._await("redis-server", lambda: socket.create_connection((LOOPBACK, self.redis_port)))

    def start_nginx(self) -> None:
        """Start the shipped configuration; site/ alone is this machine's."""
        conf = self.folder / "nginx"
        shutil.copytree(SHIPPED, conf)
        site = conf / "site"
        web = "".join(
            f"server {LOOPBACK}:{port} max_fails=1 fail_timeout=1s;\n" for port in self.web_ports
        )
        upstream = site / "upstream.conf"
        upstream.write_text(
            upstream.read_text().replace("server web:8000 max_fails=1 fail_timeout=1s;\n", web)
        )
        for file in site.glob("listen_*.conf"):
            lines = file.read_text().replace("8080", f"{LOOPBACK}:{self.http_port}")
            lines = lines.replace("8443", f"{LOOPBACK}:{self.https_port}")
            kept = (line for line in lines.splitlines() if "[::]" not in line)
            file.write_text("\n".join(kept) + "\n")
        origin = f"https://{NAME}:{self.https_port}"
        (site / "name.conf").write_text(f"server_name {NAME};\nset $origin {origin};\n")
        (site / "certificate.conf").write_text(
            f"ssl_certificate {self.certificate.certificate};\n"
            f"ssl_certificate_key {self.certificate.key};\n"
        )
        common = ["-p", str(self._own("nginx-run")), "-c", str(conf / "nginx.conf"), "-e", "stderr"]
        # It opens its standard output anew by path, so that must be a file of its user's.
        self._new_log("nginx")
        script = 'log="$1"; shift; exec "$@" >>"$log"'
        command = [str(self.programs["nginx"]), "-t", *common]
        shell = ["/bin/sh", "-c", script, "sh", str(self.log("nginx"))]
        tested = unprivileged.run_as(self.account, [*shell, *command])
        if tested.returncode or "[warn]" in tested.stderr:
            raise StackError(f"nginx -t: {tested.stderr}")
        self._run("nginx", [*common, "-g", "daemon off;"], stop=signal.SIGQUIT)
        self._await("nginx", lambda: socket.create_connection((LOOPBACK, self.https_port)))

    def start_prometheus(self, token: str, background: Iterable[int]) -> None:
        """Start the shipped configuration; ports, the token's place and its pace are ours."""
        secret, conf = self.folder / "metrics-token", self.folder / "prometheus"
        self._write(secret, token)
        data = self._own("prometheus")
        for name in ("alerts.yml", "prometheus.yml"):
            text = (DEPLOY / "prometheus" / name).read_text()
            text = text.replace("/etc/noren/metrics-token", str(secret)).replace("15s", "1s")
            for shipped, ports in (
                ('"127.0.0.1:8000"', self.web_ports),
                ('"127.0.0.1:9101", "127.0.0.1:9102", "127.0.0.1:9103"', background),
            ):
                text = text.replace(shipped, ", ".join(f'"{LOOPBACK}:{port}"' for port in ports))
            self._write(conf / name, text)
        arguments = [
            f"--config.file={conf / 'prometheus.yml'}",
            f"--storage.tsdb.path={data / 'data'}",
            f"--web.listen-address={LOOPBACK}:{self.prometheus_port}",
        ]
        self._run("prometheus", arguments)
        self._await("prometheus", lambda: socket.create_connection(self.prometheus))

    @property
    def prometheus(self) -> tuple[str, int]:
        return LOOPBACK, self.prometheus_port

    def admin_url(self) -> str:
        """The superuser's address, with TLS and the server's name looked at."""
        return self._url(ADMIN, self.admin_password, (LOOPBACK, self.postgres_port), "postgres")

    def role_urls(self) -> dict[str, str]:
        """Addresses by role: requests, tasks and the relay through the pooler, others past it."""
        pooled = {"DATABASE_URL", "DATABASE_RELAY_URL"}
        pooler = (self.host("pgbouncer"), self.pgbouncer_port)
        server = (self.host("postgres"), self.postgres_port)
        return {
            name: self._url(
                role, self.passwords[role], pooler if name in pooled else server, DATABASE
            )
            for name, role in roles.URL_VARIABLES.items()
        }

    def host(self, service: str) -> str:
        """How the application reaches one of `SERVICES`."""
        return SERVICES[service] if self.named else LOOPBACK

    def _url(self, user: str, password: str, where: tuple[str, int], database: str) -> str:
        host, port = where
        place = f"postgres://{user}:{quote(password, safe='')}@{host}:{port}/{database}"
        return f"{place}?sslmode=verify-full&sslrootcert={self.authority.file}"

    @property
    def redis_url(self) -> str:
        return f"redis://:{self.redis_password}@{self.host('redis')}:{self.redis_port}/0"

    def log(self, name: str) -> Path:
        """Where a server's or a process's lines go."""
        return self.folder / "log" / f"{name}.log"

    def stop(self) -> None:
        """Stop what still runs, the last started first."""
        for process in reversed(self.running.values()):
            process.stop()

    def _own(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(folder, self.account.uid, self.account.gid)
        return folder

    def _write(self, file: Path, text: str) -> None:
        file.touch(mode=0o600)
        file.write_text(text)
        if self.account is not None:
            os.chown(file, self.account.uid, self.account.gid)

    def _new_log(self, name: str) -> None:
        self.log(name).parent.mkdir(mode=0o755, exist_ok=True)
        if not self.log(name).exists():
            self._write(self.log(name), "")

    def _run(self, name: str, arguments: list[str], stop: signal.Signals = signal.SIGTERM) -> None:
        self._new_log(name)
        with self.log(name).open("ab") as output:
            process = GuardedProcess(
                [str(self.programs[name]), *arguments],
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8"},
                cwd=Path("/"),
                output=output,
                stop_signal=stop,
                grace=30.0,
                account=self.account,
            )
            process.start()
        self.running[name] = process

    def _await(self, name: str, connect: Callable[[], psycopg.Connection | socket.socket]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                connect().close()
            except (OSError, psycopg.OperationalError) as error:
                over = self.running[name].poll() is not None
                if over or time.monotonic() > deadline:
                    said = self.log(name).read_text(errors="replace")[-2000:]
                    raise StackError(f"{name} does not answer: {error}\n{said}") from error
                time.sleep(0.05)
            else:
                return
