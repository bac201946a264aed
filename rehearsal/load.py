"""Clients that send one request after another, spread over addresses, until they are told to stop.

The proxy's limits count by address, so each client uses many of 127.0.0.0/8.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

from rehearsal.client import Client
from rehearsal.stage import Stage

CLIENTS, ADDRESSES, PAUSE_SECONDS = 6, 12, 0.02


class Load(ABC):
    """A context: within it `CLIENTS` threads go on with `one`, which says what to send.

    `network` is the third number of the first client's addresses; no two loads share it.
    """

    network: ClassVar[int]

    def __init__(self, stage: Stage, token: str, body: dict[str, Any], product: str) -> None:
        self._stage, self._token, self._body, self._product = stage, token, body, product
        self._over = threading.Event()
        self._guard = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(CLIENTS)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @abstractmethod
    def one(self, client: Client, dice: float) -> None:
        """Send what `dice`, from 0 to 1, says."""

    def _work(self, number: int) -> None:
        choose = random.Random(number)
        clients = [
            self._stage.client(f"127.0.{self.network + number}.{1 + each}")
            for each in range(ADDRESSES)
        ]
        for client in itertools.cycle(clients):
            if self._over.is_set():
                break
            client.token = self._token
            self.one(client, choose.random())
            time.sleep(PAUSE_SECONDS)
        for client in clients:
            client.close()
