"""What the database holds after a soak, against what its clients were told; faults in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import psycopg
from soak_clients import LONG_SECONDS, Done
from soak_world import FIRST_PRICE

from noren_kit.db.fields import MoneyField

STEPS = {"confirm": "confirmed", "ship": "shipped", "deliver": "delivered", "cancel": "cancelled"}
EVENTS = {
    "confirm": "order.confirmed",
    "ship": "order.shipped",
    "deliver": "order.delivered",
    "cancel": "order.cancelled",
    "return": "order.returned",
    "pay": "order.paid",
    "refund": "order.refunded",
}
SUMS = ("subtotal_amount", "discount_amount", "tax_amount", "total_amount")
_MOST_SHOWN = 5


def amount(stored: int) -> Decimal:
    return Decimal(int(stored)).scaleb(-MoneyField.places)


class Truth:
    """The database beside the records; `faults()` is empty if they tell the same."""

    def __init__(
        self,
        database: psycopg.Connection[dict[str, Any]],
        shops: list[dict[str, Any]],
        done: Iterable[Done],
        abandoned: Iterable[str],
    ) -> None:
        self.database, self.shops = database, shops
        self.abandoned = set(abandoned)
        self.by_kind: dict[str, list[Done]] = defaultdict(list)
        for each in done:
            self.by_kind[each.kind].append(each)
        self.placed = {each.key: each.answer for each in self.by_kind["place"]}
        self.orders = self._rows("SELECT * FROM orders_order ORDER BY id")
        self.lines = self._grouped("SELECT * FROM orders_orderline", "order_id")
        self.returned = self._rows(
            "SELECT r.*, l.order_line_id, l.quantity FROM orders_orderreturn r"
            " JOIN orders_returnline l ON l.tenant_id = r.tenant_id AND l.order_return_id = r.id"
        )

    def faults(self) -> list[str]:
        checks = (
            self._orders,
            self._numbers,
            self._steps,
            self._payments,
            self._returns,
            self._adjustments,
            self._reservations,
            self._stock,
            self._prices,
            self._descriptions,
            self._events,
        )
        found = []
        for check in checks:
            each = [f"{check.__name__[1:]}: {fault}" for fault in check()]
            found += each[:_MOST_SHOWN]
            if len(each) > _MOST_SHOWN:
                found.append(f"{check.__name__[1:]}: {len(each)} in all")
        return found

    def appeared(self) -> int:
        """Orders that nobody waited for, and that exist."""
        return sum(order["notes"] in self.abandoned for order in self.orders)

    def _rows(self, query: str) -> list[dict[str, Any]]:
        return self.database.execute(query).fetchall()  # type: ignore[arg-type]

    def _grouped(self, query: str, by: str) -> dict[str, list[dict[str, Any]]]:
        groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self._rows(query):
            groups[str(row[by])].append(row)
        return groups

    def _once(
        self, found: Iterable[str], *kinds: str, maybe: frozenset[str] | set[str] = frozenset()
    ) -> Iterator[str]:
        """Each acknowledged key once, and no others but those that may be there once."""
        known = {each.key for kind in kinds for each in self.by_kind[kind]}
        counted = Counter(found)
        yield from (f"{key} is missing" for key in known - counted.keys())
        yield from (f"{key} is there {many} times" for key, many in counted.items() if many > 1)
        yield from (f"{key} was never acknowledged" for key in counted.keys() - known - maybe)

    def _orders(self) -> Iterator[str]:
        yield from self._once(
            (order["notes"] for order in self.orders), "place", maybe=self.abandoned
        )
        for order in self.orders:
            told = self.placed.get(order["notes"])
            if told is None:
                continue
            shown = {name: told[name] for name in ("id", "order_number")}
            held = {"id": str(order["id"]), "order_number": order["order_number"]}
            for name in SUMS:
                shown[name], held[name] = Decimal(told[name]), amount(order[name])
            if shown != held:
                yield f"told {shown}, holds {held}"
            lines = {
                (item["id"], item["product"]["id"], item["quantity"], Decimal(item["subtotal"]))
                for item in told["items"]
            }
            stored = {
                (
                    str(line["id"]),
                    str(line["product_id"]),
                    line["quantity"],
                    amount(line["subtotal"]),
                )
                for line in self.lines[str(order["id"])]
            }
            if lines != stored:
                yield f"{order['order_number']}: told {lines}, holds {stored}"

    def _numbers(self) -> Iterator[str]:
        by_tenant: dict[str, list[str]] = defaultdict(list)
        for order in self.orders:
            by_tenant[f"{order['tenant_id']} {order['order_number'][:4]}"].append(
                order["order_number"][5:]
            )
        for which, numbers in by_tenant.items():
            if sorted(map(int, numbers)) != list(range(1, len(numbers) + 1)):
                yield f"of {which}: not 1 to {len(numbers)}"

    def _acts(self) -> dict[str, Counter[str]]:
        """What was acknowledged of each order, by the order's id."""
        acts: dict[str, Counter[str]] = defaultdict(Counter)
        for kind in EVENTS:
            for each in self.by_kind[kind]:
                acts[each.path.split("/")[1]][kind] += 1
                if kind == "return" and each.answer["status"] == "returned":
                    acts[each.path.split("/")[1]]["wholly returned"] += 1
        return acts

    def _steps(self) -> Iterator[str]:
        """Each order went the acknowledged ways, each once, and is where they lead."""
        acts = self._acts()
        went = self._grouped("SELECT * FROM orders_ordertransition", "order_id")
        for order in self.orders:
            key, number = str(order["id"]), order["order_number"]
            told = Counter({STEPS[kind]: many for kind, many in acts[key].items() if kind in STEPS})
            if acts[key]["wholly returned"]:
                told["returned"] = acts[key]["wholly returned"]
            steps = {step["from_status"]: step["to_status"] for step in went[key]}
            if Counter(step["to_status"] for step in went[key]) != told:
                yield f"{number}: told {dict(told)}, went {steps}"
            at = "placed"
            for _step in steps:
                at = steps.get(at, at)
            if at != order["status"]:
                yield f"{number}: is {order['status']} after {steps}"

    def _payments(self) -> Iterator[str]:
        rows = self._rows("SELECT *, reference || reason AS key FROM orders_payment")
        yield from self._once((row["key"] for row in rows), "pay", "refund")
        told = {
            each.key: Decimal(each.body["amount"])
            for kind in ("pay", "refund")
            for each in self.by_kind[kind]
        }
        for row in rows:
            if amount(row["amount"]) != told.get(row["key"]):
                yield f"{row['key']}: told {told.get(row['key'])}, holds {amount(row['amount'])}"

    def _returns(self) -> Iterator[str]:
        yield from self._once(
            {(row["id"], row["reason"]): row["reason"] for row in self.returned}.values(), "return"
        )
        units = {
            (row["reason"], str(row["order_line_id"])): row["quantity"] for row in self.returned
        }
        for each in self.by_kind["return"]:
            for item in each.body.get("items", ()):
                held = units.get((each.key, item["item_id"]))
                if held != item["quantity"]:
                    yield f"{each.key}: told {item['quantity']}, holds {held}"

    def _adjustments(self) -> Iterator[str]:
        rows = self._rows(
            "SELECT * FROM inventory_stockmovement WHERE kind IN ('adjusted', 'counted')"
        )
        yield from self._once((row["reason"] for row in rows), "adjust", "count")
        told = {each.key: self._difference(each) for each in self._by_hand()}
        for row in rows:
            if row["quantity"] != told.get(row["reason"]):
                yield f"{row['reason']}: told {told.get(row['reason'])}, holds {row['quantity']}"

    def _by_hand(self) -> list[Done]:
        return self.by_kind["adjust"] + self.by_kind["count"]

    @staticmethod
    def _difference(done: Done) -> int:
        if done.kind == "adjust":
            return int(done.body["delta"])
        return int(done.body["set_to"]) - int(done.body["expected_quantity"])

    def _gone_reservations(self) -> dict[str, str]:
        """How a reservation ended, by its id, where a client ended it."""
        ends = {each.path.split("/")[1]: "released" for each in self.by_kind["release"]}
        used = {
            each.body["reservation"]: "used"
            for each in self.by_kind["place"]
            if "reservation" in each.body
        }
        return ends | used

    def _reservations(self) -> Iterator[str]:
        rows = self._rows("SELECT * FROM orders_reservation")
        yield from self._once((row["reference"] for row in rows), "reserve")
        ends = self._gone_reservations()
        for row in rows:
            if row["status"] != ends.get(str(row["id"]), "held"):
                yield f"{row['id']}: told {ends.get(str(row['id']))}, is {row['status']}"

    def _units_held(self) -> Counter[str]:
        """Units that should be reserved, by product."""
        ends, units = self._gone_reservations(), Counter[str]()
        for each in self.by_kind["reserve"]:
            if each.body["expires_in"] == LONG_SECONDS and each.answer["id"] not in ends:
                units.update({i["product_id"]: i["quantity"] for i in each.body["items"]})
        return units

    def _units_on_hand(self) -> tuple[Counter[str], Counter[str]]:
        """Units that should be there, and those that should count as sold, by product."""
        there, sold = Counter[str](), Counter[str]()
        for shop in self.shops:
            there.update(shop["products"])
        for each in self._by_hand():
            there[each.path.split("/")[1]] += self._difference(each)
        product_of: dict[str, str] = {}
        for order in self.orders:
            for line in self.lines[str(order["id"])]:
                product = product_of[str(line["id"])] = str(line["product_id"])
                if order["status"] != "cancelled":
                    there[product] -= line["quantity"]
                    sold[product] += line["quantity"]
        for row in self.returned:
            product = product_of[str(row["order_line_id"])]
            there[product] += row["quantity"] if row["restock"] else 0
            sold[product] -= row["quantity"]
        return there, sold

    def _stock(self) -> Iterator[str]:
        rows = self._rows(
            "SELECT p.id, s.on_hand, s.reserved, s.sold FROM catalog_product p"
            " JOIN inventory_stockitem s ON s.tenant_id = p.tenant_id AND s.id = p.stock_item_id"
        )
        there, sold = self._units_on_hand()
        held = self._units_held()
        for row in rows:
            product = str(row["id"])
            told = (there[product], held[product], sold[product])
            holds = (row["on_hand"], row["reserved"], row["sold"])
            if told != holds:
                yield f"{product}: on hand, reserved, sold should be {told} and are {holds}"
            if not 0 <= row["reserved"] <= row["on_hand"]:
                yield f"{product}: {holds}"

    def _prices(self) -> Iterator[str]:
        """The acknowledged changes of a price make one chain from the first to the last."""
        ends: dict[str, Counter[Decimal]] = defaultdict(Counter)
        for each in self.by_kind["price"]:
            for step in each.answer["results"]:
                ends[step["id"]][Decimal(step["previous_price"])] -= 1
                ends[step["id"]][Decimal(step["price"])] += 1
        for row in self._rows("SELECT id, price FROM catalog_product"):
            chain = ends[str(row["id"])]
            chain[Decimal(FIRST_PRICE)] += 1
            chain[amount(row["price"])] -= 1
            broken = {str(price): many for price, many in chain.items() if many}
            if broken:
                yield f"{row['id']}: lost or doubled at {broken}"

    def _descriptions(self) -> Iterator[str]:
        told = Counter(each.path.split("/")[1] for each in self.by_kind["describe"])
        for row in self._rows("SELECT id, description FROM catalog_product"):
            if told[str(row["id"])] != int(row["description"]):
                yield f"{row['id']}: told {told[str(row['id'])]}, holds {row['description']}"

    def _events(self) -> Iterator[str]:
        """One for each thing that happened, counted without gaps, and heard by each handler."""
        acts = self._acts()
        events = self._grouped(
            "SELECT * FROM outbox_event WHERE aggregate_type = 'order' ORDER BY sequence",
            "aggregate_id",
        )
        known = {str(order["id"]) for order in self.orders}
        yield from (f"of an order that is not there: {key}" for key in events.keys() - known)
        for key in known:
            told = Counter({EVENTS[k]: many for k, many in acts[key].items() if k in EVENTS})
            told["order.placed"] = 1
            if Counter(event["type"] for event in events[key]) != told:
                yield f"of {key}: {[event['type'] for event in events[key]]}, not {dict(told)}"
            if [e["sequence"] for e in events[key]] != list(range(1, len(events[key]) + 1)):
                yield f"of {key}: sequence with gaps"
        heard = self._rows(
            "SELECT e.type, count(*) AS many FROM outbox_event e LEFT JOIN outbox_delivery d"
            " ON d.tenant_id = e.tenant_id AND d.event_id = e.id AND d.handled_at IS NOT NULL"
            " WHERE e.type IN ('order.placed', 'stock.low')"
            " GROUP BY e.type, e.id HAVING count(d.id) <> 1"
        )
        yield from (f"a {row['type']} was not handled once" for row in heard)

    def mail_faults(self, sent: Mapping[str, int], most_again: int) -> list[str]:
        """Each order with an address was mailed at least once, and few of them again."""
        names = {shop["tenant"]: shop["name"] for shop in self.shops}
        wanted = {
            f"{names[str(order['tenant_id'])]}: your order {order['order_number']}"
            for order in self.orders
            if order["customer_email"]
        }
        mailed = {subject: many for subject, many in sent.items() if "your order" in subject}
        faults = [f"{subject} was never sent" for subject in wanted - mailed.keys()]
        faults += [f"{subject} tells of nothing" for subject in mailed.keys() - wanted]
        again = sum(mailed.values()) - len(mailed)
        if again > most_again:
            faults.append(f"{again} mails were sent again, at most {most_again} may be")
        return faults[:_MOST_SHOWN]
