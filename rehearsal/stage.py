"""Everything that a part of the rehearsal works with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from rehearsal.application import Application
from rehearsal.client import Client
from rehearsal.mailbox import Mailbox
from rehearsal.report import Report
from rehearsal.resolver import Resolver
from rehearsal.servers import DATABASE, Servers

VERIFIED = ("stock", "totals", "numbers", "isolation")
PENDING = "SELECT count(*) FROM outbox_delivery WHERE handled_at IS NULL"


@dataclass
class Stage:
    servers: Servers
    application: Application
    mailbox: Mailbox
    report: Report
    people: list[dict[str, Any]]
    resolver: Resolver | None  # none where the machine does not let us have one

    def client(self, source: str = "127.0.0.2", *, plain: bool = False) -> Client:
        """A client at the proxy's HTTPS port, or at its plain one."""
        if plain:
            return Client(self.servers.http_port, None, source)
        return Client(self.servers.https_port, self.servers.authority.file, source)

    def person(self, role: str) -> dict[str, Any]:
        """Somebody of the first shop who has this role."""
        return next(each for each in self.people if each["role"] == role)

    def owner(self, source: str = "127.0.0.2") -> Client:
        """A client that is signed in as the shop's owner."""
        client, person = self.client(source), self.person("owner")
        client.sign_in(person["username"], person["password"])
        return client

    def ask_database(self, query: LiteralString, *parameters: object) -> Any:
        """The first value that a query gives the administrator."""
        url = self.servers.admin_url().replace("/postgres?", f"/{DATABASE}?")
        with psycopg.connect(url) as connection:
            row = connection.execute(query, parameters or None).fetchone()
            return row[0] if row else None

    def pending(self) -> int:
        """Deliveries of events that no worker has handled yet."""
        return int(self.ask_database(PENDING))

    def verify(self) -> None:
        """`noren verify` of what money and stock hang on."""
        for subject in VERIFIED:
            self.application.command("verify", subject)
            self.report.check(f"verify {subject}", True)

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The JSON lines that a process has written."""
        text = self.servers.log(name).read_text(errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    @staticmethod
    def eventually(holds: Callable[[], bool], seconds: float = 30.0) -> bool:
        """Whether something comes true in time."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True
