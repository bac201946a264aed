"""Customers and their orders over some months, and the deliveries that made them possible."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import zoneinfo
from collections import defaultdict
from collections.abc import Sequence

from noren.demo.generating.plan import (
    PlannedCustomer,
    PlannedDelivery,
    PlannedLine,
    PlannedOrder,
    PlannedProduct,
)
from noren.demo.words.profile import Profile

_HOURS = range(24)
# Quiet nights, a lunch hour, busy evenings.
_HOUR_WEIGHTS = (2, 1, 1, 0, 0, 1, 2, 4, 6, 8, 9, 9, 11, 9, 7, 7, 8, 9, 10, 12, 14, 13, 9, 5)
_WEEKDAY_WEIGHTS = (10, 9, 9, 10, 12, 15, 14)
_CANCELLED = 0.04
_RETURNED = 0.01
_NEVER = dt.timedelta(0)


def plan_customers(
    rng: random.Random, profile: Profile, *, count: int, opening: dt.datetime
) -> list[PlannedCustomer]:
    """Customers with addresses of their own, oldest first."""
    taken: dict[str, int] = {}
    customers = []
    start = opening - dt.timedelta(days=600)
    for at in range(count):
        buyer = profile.buyer(rng)
        number = taken[buyer.handle] = taken.get(buyer.handle, 0) + 1
        suffix = "" if number == 1 else str(number)
        created_at = start + (opening - start) * ((at + rng.random()) / count)
        customers.append(
            PlannedCustomer(
                buyer=buyer,
                email=f"{buyer.handle}{suffix}@mail.example",
                created_at=created_at.replace(microsecond=0),
            )
        )
    return customers


def plan_orders(
    rng: random.Random,
    profile: Profile,
    products: Sequence[PlannedProduct],
    customers: Sequence[PlannedCustomer],
    *,
    count: int,
    opening: dt.datetime,
    end: dt.datetime,
) -> list[PlannedOrder]:
    """`count` orders in the order in which they were placed, of products that were on sale."""
    on_sale = [at for at, product in enumerate(products) if product.status == "active"]
    rng.shuffle(on_sale)
    # A few products and a few customers make most of the trade.
    tastes = list(itertools.accumulate(1 / (rank + 12) ** 0.85 for rank in range(len(on_sale))))
    habits = list(itertools.accumulate(1 / (rank + 5) ** 0.7 for rank in range(len(customers))))
    regulars = rng.sample(range(len(customers)), len(customers))
    moments = _moments(rng, profile, count=count, opening=opening, end=end)
    orders = []
    for placed_at in moments:
        customer = rng.choices(regulars, cum_weights=habits)[0]
        wholesale = bool(customers[customer].buyer.company)
        drawn = rng.choices(on_sale, cum_weights=tastes, k=1 + min(7, int(rng.expovariate(0.55))))
        there = [at for at in dict.fromkeys(drawn) if products[at].created_at < placed_at]
        lines = tuple(
            PlannedLine(at, _quantity(rng, wholesale)) for at in there or _oldest(products, on_sale)
        )
        status, payment_status, after = _course(rng, end - placed_at)
        orders.append(
            PlannedOrder(
                customer=customer,
                lines=lines,
                placed_at=placed_at,
                closed_at=placed_at + after,
                status=status,
                payment_status=payment_status,
                discount=rng.choice((5, 10)) if rng.random() < 0.06 else 0,
                notes=rng.choice(profile.order_notes) if rng.random() < 0.08 else "",
            )
        )
    return orders


def _oldest(products: Sequence[PlannedProduct], on_sale: Sequence[int]) -> list[int]:
    return [min(on_sale, key=lambda at: products[at].created_at)]


def _quantity(rng: random.Random, wholesale: bool) -> int:
    if wholesale and rng.random() < 0.5:
        return rng.choice((6, 10, 12, 20, 24, 30))
    return rng.choices((1, 2, 3, 4, 6), (62, 22, 9, 4, 3))[0]


def _moments(
    rng: random.Random, profile: Profile, *, count: int, opening: dt.datetime, end: dt.datetime
) -> list[dt.datetime]:
    """Times of day and week at which people buy, in the shop's time zone, with slow growth."""
    zone = zoneinfo.ZoneInfo(profile.settings["time_zone"])
    first = opening.astimezone(zone).date()
    days = [first + dt.timedelta(days=at) for at in range((end - opening).days + 2)]
    weights = [
        _WEEKDAY_WEIGHTS[day.weekday()] * (1 + 0.35 * at / len(days)) for at, day in enumerate(days)
    ]
    moments: list[dt.datetime] = []
    while len(moments) < count:
        missing = count - len(moments)
        for day, hour in zip(
            rng.choices(days, weights, k=missing),
            rng.choices(_HOURS, _HOUR_WEIGHTS, k=missing),
            strict=True,
        ):
            clock = dt.time(hour, rng.randrange(60), rng.randrange(60), tzinfo=zone)
            moment = dt.datetime.combine(day, clock).astimezone(dt.UTC)
            if opening <= moment < end:
                moments.append(moment)
    return sorted(moments)


def _course(rng: random.Random, age: dt.timedelta) -> tuple[str, str, dt.timedelta]:
    """How far an order of that age has come: its states, and when it reached them."""
    chance, pace = rng.random(), rng.uniform(0.6, 1.6)
    paid_first = rng.random() < 0.75
    steps = {
        name: dt.timedelta(hours=hours * pace)
        for name, hours in (("confirmed", 5), ("shipped", 30), ("delivered", 75), ("paid", 240))
    }
    if chance < _CANCELLED and steps["confirmed"] < age:
        return "cancelled", "refunded" if paid_first else "unpaid", steps["confirmed"]
    if chance < _CANCELLED + _RETURNED and steps["paid"] < age:
        return "returned", "refunded", steps["paid"]
    reached = [name for name in ("confirmed", "shipped", "delivered") if steps[name] < age]
    status = reached[-1] if reached else "placed"
    if paid_first or steps["paid"] < age:
        payment = "partly_refunded" if status == "delivered" and chance > 0.985 else "paid"
    else:
        payment = "partly_paid" if status == "delivered" and chance > 0.9 else "unpaid"
    return status, payment, steps[status] if reached else _NEVER


def plan_deliveries(
    rng: random.Random,
    products: Sequence[PlannedProduct],
    orders: Sequence[PlannedOrder],
    *,
    opening: dt.datetime,
    end: dt.datetime,
) -> list[PlannedDelivery]:
    """What came in, so that no order was ever short; some products end low or sold out."""
    changes: dict[int, list[tuple[dt.datetime, int]]] = defaultdict(list)
    for order in orders:
        for line in order.lines:
            changes[line.product].append((order.placed_at, -line.quantity))
            if order.status == "cancelled":
                changes[line.product].append((order.closed_at, line.quantity))
    middle = opening + (end - opening) / 2
    deliveries = []
    for at, product in enumerate(products):
        moved = sorted(changes[at])
        balances = list(itertools.accumulate(quantity for _moment, quantity in moved))
        wanted = _left_over(rng) - (balances[-1] if balances else 0)
        needed = max(wanted, -min(balances, default=0))
        early = [each for (moment, _), each in zip(moved, balances, strict=True) if moment < middle]
        first = max(-min(early, default=0), needed * rng.choice((40, 60, 100)) // 100)
        start = product.created_at
        if start > middle:
            first = needed
        if first:
            deliveries.append(PlannedDelivery(at, first, "opening stock", start))
        if needed > first:
            later = middle - dt.timedelta(hours=rng.uniform(1, 72))
            deliveries.append(PlannedDelivery(at, needed - first, "delivery", max(start, later)))
    return sorted(deliveries, key=lambda delivery: (delivery.at, delivery.product))


def _left_over(rng: random.Random) -> int:
    """Units on hand today: of a hundred products about six sold out and ten running low."""
    chance = rng.random()
    if chance < 0.06:
        return 0
    if chance < 0.16:
        return rng.randint(1, 10)
    return min(600, 11 + int(rng.expovariate(1 / 60)))
