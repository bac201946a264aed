"""Callers that send the same call until it is answered for good, and a killer of back ends."""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import psycopg

from noren_kit.testing.servers import ADMIN

MOST_ATTEMPTS = 400
LOST = (http.client.HTTPException, ConnectionError, TimeoutError)


@dataclass(frozen=True)
class Given:
    """An answer as it came over the wire; `replayed` where it says that it was given before."""

    status: int
    body: bytes
    location: str | None
    tag: str | None
    replayed: bool

    def answer(self) -> Any:
        return json.loads(self.body)


@dataclass
class RetryingCaller:
    """One connection, opened anew where it is lost; `seen` counts what was answered."""

    base_url: str
    authorization: str
    seen: Counter[str] = field(default_factory=Counter)
    connection: http.client.HTTPConnection | None = None
    # Seconds between attempts, at least and at most.
    pauses: tuple[float, float] = (0.002, 0.02)

    def _request(
        self, path: str, body: Any, key: str, method: str = "POST", tag: str | None = None
    ) -> http.client.HTTPConnection:
        if self.connection is None:
            parts = urlsplit(self.base_url)
            self.connection = http.client.HTTPConnection(
                parts.hostname or "", parts.port, timeout=30
            )
        headers = {
            "Authorization": self.authorization,
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        if tag is not None:
            headers["If-Match"] = tag
        sent = None if body is None else json.dumps(body)
        self.connection.request(method, path, sent, headers)
        return self.connection

    def send(self, path: str, body: Any, key: str, **how: Any) -> Given:
        """One attempt, a POST unless `method` says otherwise, and with `tag` as `If-Match`.

        Raises one of LOST where the connection goes.
        """
        try:
            response = self._request(path, body, key, **how).getresponse()
            content = response.read()
        except LOST:
            self.close()
            raise
        replayed = response.getheader("Idempotent-Replayed") == "true"
        location, tag = response.getheader("Location"), response.getheader("ETag")
        return Given(response.status, content, location, tag, replayed)

    def abandon(self, path: str, body: Any, key: str, seconds: float) -> None:
        """Send it, and hang up after so long, whatever has become of it."""
        with suppress(*LOST):
            self._request(path, body, key)
            time.sleep(seconds)
        self.seen["abandoned"] += 1
        self.close()

    def complete(self, path: str, body: Any, key: str, **how: Any) -> Given:
        """The final answer, whatever happens on the way there."""
        for _attempt in range(MOST_ATTEMPTS):
            try:
                given = self.send(path, body, key, **how)
            except LOST:
                self.seen["lost"] += 1
                time.sleep(random.uniform(*self.pauses))
                continue
            code = "" if given.status < 400 else f" {json.loads(given.body)['code']}"
            self.seen[f"{given.status}{code}{' again' if given.replayed else ''}"] += 1
            if given.status >= 500 or code == " idempotency_in_progress":
                time.sleep(random.uniform(*self.pauses))
                continue
            return given
        raise AssertionError(f"{key} has no answer after {MOST_ATTEMPTS} attempts: {self.seen}")

    def broken(self) -> dict[str, int]:
        """Answers that no kill excuses."""
        return {
            answer: many
            for answer, many in self.seen.items()
            if answer.startswith("5") and not answer.startswith("503")
        }

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Killer(threading.Thread):
    """For each `aim()` ends one back end of the database that is in a transaction."""

    def __init__(self, database: str) -> None:
        super().__init__(daemon=True)
        self.database, self.kills = database, 0
        self.aimed, self.stopped = threading.Semaphore(0), threading.Event()

    def aim(self) -> None:
        self.aimed.release()

    def run(self) -> None:
        query = (
            "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
            " WHERE datname = %s AND usename = 'noren_app' AND xact_start IS NOT NULL"
            " ORDER BY random() LIMIT 1) victim"
        )
        with psycopg.connect(os.environ[ADMIN], autocommit=True) as admin:
            while not self.stopped.is_set():
                if not self.aimed.acquire(timeout=0.1):
                    continue
                while not self.stopped.wait(random.uniform(0, 0.01)):
                    row = admin.execute(query, [self.database]).fetchone()
                    if row and row[0]:
                        self.kills += 1
                        break


@contextmanager
def killing() -> Iterator[Killer]:
    killer = Killer(urlsplit(os.environ["DATABASE_URL"]).path.removeprefix("/"))
    killer.start()
    try:
        yield killer
    finally:
        killer.stopped.set()
        killer.join()
