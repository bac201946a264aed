"""Demo shops out of a seed: the same seed, scale and end give the same plan."""

from __future__ import annotations

import datetime as dt
import random

from noren.demo.generating import goods, trade
from noren.demo.generating.plan import ShopPlan
from noren.demo.words.profile import Profile

PRODUCTS, CUSTOMERS, ORDERS = 1_000, 150, 2_000
MONTHS = dt.timedelta(days=183)
SEED = 20_26


def plan_shop(profile: Profile, *, seed: int, scale: float, end: dt.datetime) -> ShopPlan:
    """A shop with about 1,000 products, 150 customers and 2,000 orders, times `scale`."""
    rng = random.Random(f"{seed}:{profile.slug}")
    end = end.replace(microsecond=0)
    opening = end - MONTHS
    plan = ShopPlan(profile=profile, end=end)
    plan.products = goods.plan_products(
        rng, profile, count=_scaled(PRODUCTS, scale), opening=opening, end=end
    )
    plan.customers = trade.plan_customers(
        rng, profile, count=_scaled(CUSTOMERS, scale), opening=opening
    )
    plan.orders = trade.plan_orders(
        rng,
        profile,
        plan.products,
        plan.customers,
        count=_scaled(ORDERS, scale),
        opening=opening,
        end=end,
    )
    plan.deliveries = trade.plan_deliveries(
        rng, plan.products, plan.orders, opening=opening, end=end
    )
    plan.reviews = goods.plan_reviews(rng, profile, plan.products, end)
    plan.variants = goods.plan_variants(rng, profile, plan.products)
    return plan


def _scaled(number: int, scale: float) -> int:
    return max(1, round(number * scale))
