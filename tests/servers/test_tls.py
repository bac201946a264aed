"""PostgreSQL over TLS: `verify-full` against a certificate made here, and nothing less."""

from __future__ import annotations

import datetime as dt
import ipaddress
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from programs import ACCOUNT, environment, folder, program, running, write

from noren_kit.db.roles import bootstrap, new_passwords, role_urls
from noren_kit.stack.ports import LOOPBACK, any_free
from noren_kit.stack.unprivileged import run_as
from noren_kit.testing.live import Caller, live_server

VARIABLES = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATABASE_RELAY_URL",
    "DATABASE_PLATFORM_URL",
)


def certificate() -> tuple[bytes, bytes]:
    """A self-signed certificate of 127.0.0.1, which stands for its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "noren test")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    written_key = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(pem), written_key


@dataclass
class Server:
    """A server that takes TLS alone; its authority, another one, and the roles' addresses."""

    authority: Path
    another: Path
    admin_url: str
    urls: dict[str, str]

    def environment(self, query: str, host: str = LOOPBACK) -> dict[str, str]:
        changed = {}
        for name in VARIABLES:
            parts = urlsplit(self.urls[name])
            netloc = parts.netloc.replace(LOOPBACK, host)
            changed[name] = parts._replace(netloc=netloc, query=query).geturl()
        return changed


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    port = any_free()
    with folder() as place:
        data = place / "data"
        write(place / "password", "only for this test")
        made = run_as(
            ACCOUNT,
            [
                program("initdb"),
                f"--pgdata={data}",
                "--username=admin",
                f"--pwfile={place / 'password'}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
        )
        assert made.returncode == 0, made.stderr
        shown, key = certificate()
        write(data / "server.crt", shown)
        write(data / "server.key", key)
        write(data / "pg_hba.conf", "hostssl all all 127.0.0.1/32 scram-sha-256\n")
        for name, content in (("authority.pem", shown), ("another.pem", certificate()[0])):
            write(place / name, content)
        place.chmod(0o755)
        argv = [program("postgres"), "-D", str(data), "-c", f"port={port}", "-c", "ssl=on"]
        argv += ["-c", f"listen_addresses={LOOPBACK}", "-c", "unix_socket_directories="]
        argv += ["-c", "fsync=off"]
        with running(argv, port, place / "log"):
            authority = f"sslmode=verify-full&sslrootcert={place / 'authority.pem'}"
            admin_url = f"postgres://admin:only%20for%20this%20test@{LOOPBACK}:{port}/postgres"
            admin_url += f"?{authority}"
            passwords = new_passwords()
            bootstrap(admin_url, "noren", passwords)
            urls = role_urls(admin_url, "noren", passwords)
            found = Server(place / "authority.pem", place / "another.pem", admin_url, urls)
            with environment(found.environment(authority)):
                subprocess.run(
                    [sys.executable, "-m", "django", "migrate", "--database=owner", "-v0"],
                    check=True,
                )
            yield found


def test_the_service_runs_over_verified_tls(server: Server) -> None:
    query = f"sslmode=verify-full&sslrootcert={server.authority}"
    with environment(server.environment(query)), live_server() as base_url:
        assert Caller(base_url).get("/health/ready/")[0] == 200
        with psycopg.connect(server.admin_url) as admin:
            found = admin.execute(
                "SELECT ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                " WHERE usename = 'noren_app'"
            ).fetchall()
    assert found, "the process keeps its connection"
    assert all(encrypted and version.startswith("TLSv1.") for encrypted, version in found)


@pytest.mark.parametrize(
    ("query", "host"),
    [
        ("sslmode=disable", LOOPBACK),
        ("sslmode=verify-full&sslrootcert={another}", LOOPBACK),
        ("sslmode=verify-full&sslrootcert={authority}", "localhost"),
    ],
    ids=["without TLS", "another authority", "another name"],
)
def test_what_is_not_verified_is_not_served(server: Server, query: str, host: str) -> None:
    query = query.format(another=server.another, authority=server.authority)
    with (
        environment(server.environment(query, host)),
        live_server(ready_path="/health/live/") as base_url,
    ):
        status, answer = Caller(base_url).get("/health/ready/")
    assert status == 503
    assert answer["details"]["checks"]["database"] == "failed"
