"""Clients that do at random what a shop's staff does, and keep a record of what they were told."""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.idempotency.retrying_callers import RetryingCaller

API = "/api/v1/"
# Of so many orders, one is sent by somebody who does not wait for the answer.
ABANDONED = 40
# Reservations either run out soon, or never while anybody looks.
SHORT_SECONDS, LONG_SECONDS = (1, 8), 86_400
RECENT = 120
REFUSALS = {
    "insufficient_stock",
    "invalid_transition",
    "amount_too_large",
    "not_returnable",
    "reservation_not_held",
    "stock_changed",
    "precondition_failed",
}


@dataclass(frozen=True)
class Done:
    """What was acknowledged under a key: what was asked for, of which row, and the answer."""

    kind: str
    key: str
    path: str
    body: Any
    answer: Any


@dataclass
class Scene:
    """A shop as its clients know it; `orders` and `held` are what they may go on with."""

    shop: dict[str, Any]
    orders: list[dict[str, Any]] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    @property
    def products(self) -> list[str]:
        return list(self.shop["products"])


class Client:
    """One of them; `done` is the record, `abandoned` the keys whose end it does not know."""

    def __init__(self, base_url: str, scene: Scene, key: str, seed: int) -> None:
        pauses = (0.02, 0.3)
        self.caller = RetryingCaller(base_url, f"Api-Key {key}", pauses=pauses)
        self.scene, self.random = scene, random.Random(seed)
        self.done: list[Done] = []
        self.abandoned: list[str] = []
        self.refused: Counter[str] = Counter()
        self._acts: dict[Callable[[], None], int] = {
            self.place: 30,
            self.place_reserved: 4,
            self.reserve: 8,
            self.release: 3,
            self.advance: 30,
            self.cancel: 6,
            self.pay: 9,
            self.refund: 4,
            self.take_back: 6,
            self.adjust: 8,
            self.count: 3,
            self.price: 4,
            self.describe: 6,
        }

    def work(self, until: float, pause_seconds: float) -> Client:
        """One act after the other; what was begun is brought to its end."""
        acts, weights = list(self._acts), list(self._acts.values())
        while time.monotonic() < until:
            self.random.choices(acts, weights)[0]()
            time.sleep(self.random.uniform(0, 2 * pause_seconds))
        self.caller.close()
        return self

    def _send(self, kind: str, path: str, body: Any, key: str = "", **how: Any) -> Any:
        """The answer, None if it was a refusal that may happen."""
        key = key or str(uuid.uuid4())
        given = self.caller.complete(API + path, body, key, **how)
        answer = given.answer()
        if given.status < 300:
            self.done.append(Done(kind, key, path, body, answer))
            return answer
        assert answer["code"] in REFUSALS, (kind, path, body, answer)
        self.refused[f"{kind}: {answer['code']}"] += 1
        return None

    def _read(self, path: str) -> tuple[Any, str | None]:
        given = self.caller.complete(API + path, None, "read", method="GET")
        assert given.status == 200, given
        return given.answer(), given.tag

    def _items(self) -> list[dict[str, Any]]:
        products = self.random.sample(self.scene.products, self.random.randint(1, 5))
        return [{"product_id": each, "quantity": self.random.randint(1, 4)} for each in products]

    def _an_order(self) -> dict[str, Any] | None:
        """Anybody's of this shop, so that several act on one at the same time."""
        recent = self.scene.orders[-RECENT:]
        return self.random.choice(recent) if recent else None

    def _order_body(self, key: str) -> dict[str, Any]:
        customer = self.random.choice(list(self.scene.shop["customers"]))
        body: dict[str, Any] = {"customer": customer, "notes": key}
        if self.random.random() < 0.3:
            body["discount"] = str(self.random.randint(1, 40))
        return body

    def place(self) -> None:
        key = str(uuid.uuid4())
        body = {**self._order_body(key), "items": self._items()}
        if self.random.randrange(ABANDONED) == 0:
            self.abandoned.append(key)
            self.caller.abandon(f"{API}orders/", body, key, self.random.uniform(0, 0.1))
            return
        order = self._send("place", "orders/", body, key)
        if order:
            self.scene.orders.append(order)

    def reserve(self) -> None:
        long = self.random.random() < 0.6
        seconds = LONG_SECONDS if long else self.random.randint(*SHORT_SECONDS)
        key = str(uuid.uuid4())
        body = {"items": self._items(), "expires_in": seconds, "reference": key}
        held = self._send("reserve", "reservations/", body, key)
        if held:
            self.scene.held.append(held["id"])

    def _a_reservation(self) -> str | None:
        """One that may have run out, or be somebody else's to use at this very moment."""
        recent = self.scene.held[-RECENT // 4 :]
        return self.random.choice(recent) if recent else None

    def release(self) -> None:
        held = self._a_reservation()
        if held:
            self._send("release", f"reservations/{held}/release/", None)

    def place_reserved(self) -> None:
        held = self._a_reservation()
        if not held:
            return
        key = str(uuid.uuid4())
        order = self._send("place", "orders/", {**self._order_body(key), "reservation": held}, key)
        if order:
            self.scene.orders.append(order)

    def _on_an_order(self, kind: str, action: str, body: Any = None, key: str = "") -> None:
        order = self._an_order()
        if order:
            self._send(kind, f"orders/{order['id']}/{action}/", body, key)

    def advance(self) -> None:
        action = self.random.choice(["confirm", "confirm", "ship", "ship", "deliver"])
        self._on_an_order(action, action)

    def cancel(self) -> None:
        self._on_an_order("cancel", "cancel")

    def pay(self) -> None:
        order = self._an_order()
        if order:
            key = str(uuid.uuid4())
            whole = self.random.random() < 0.5
            amount = order["total_amount"] if whole else str(self.random.randint(1, 300))
            body = {"amount": amount, "reference": key}
            self._send("pay", f"orders/{order['id']}/pay/", body, key)

    def refund(self) -> None:
        key = str(uuid.uuid4())
        body = {"amount": str(self.random.randint(1, 150)), "reason": key}
        self._on_an_order("refund", "refund", body, key)

    def take_back(self) -> None:
        order = self._an_order()
        if not order:
            return
        key = str(uuid.uuid4())
        body: dict[str, Any] = {"restock": self.random.random() < 0.7, "reason": key}
        if self.random.random() < 0.7:
            line = self.random.choice(order["items"])
            units = self.random.randint(1, line["quantity"])
            body["items"] = [{"item_id": line["id"], "quantity": units}]
        self._send("return", f"orders/{order['id']}/return/", body, key)

    def _on_stock(self, kind: str, body: dict[str, Any], product: str) -> None:
        key = str(uuid.uuid4())
        body = {**body, "reason": key}
        self._send(kind, f"products/{product}/adjust_stock/", body, key)

    def adjust(self) -> None:
        delta = self.random.choice([self.random.randint(1, 300), -self.random.randint(1, 60)])
        self._on_stock("adjust", {"delta": delta}, self.random.choice(self.scene.products))

    def count(self) -> None:
        product = self.random.choice(self.scene.products)
        stock, _tag = self._read(f"products/{product}/check_stock/")
        found = max(0, stock["on_hand"] + self.random.choice([-3, -2, -1, 1, 2, 3]))
        if found != stock["on_hand"]:
            body = {"set_to": found, "expected_quantity": stock["on_hand"]}
            self._on_stock("count", body, product)

    def price(self) -> None:
        products = self.random.sample(self.scene.products, self.random.randint(1, 6))
        if self.random.random() < 0.5:
            body: Any = [
                {"id": each, "price": str(self.random.randint(60, 160))} for each in products
            ]
        else:
            amount = str(self.random.randint(1, 9))
            body = {"filter": {"ids": ",".join(products)}, "amount": amount}
        self._send("price", "products/bulk_price_update/", body)

    def describe(self) -> None:
        """A counter in a text, raised by whoever has read it last."""
        product = self.random.choice(self.scene.products[:6])
        row, tag = self._read(f"products/{product}/")
        body = {"description": str(int(row["description"]) + 1)}
        self._send("describe", f"products/{product}/", body, method="PATCH", tag=tag)
