"""Products out of a shop's words, and what buyers say of them."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from decimal import Decimal

from noren.demo.generating.plan import PlannedProduct, PlannedReview, PlannedVariant
from noren.demo.words.profile import Profile, Range, Word

_STATUSES = ("active", "draft", "archived")
_STATUS_WEIGHTS = (93, 4, 3)
_NEWCOMERS = 0.06
_IN_PACKS = 0.025
_STARS = (5, 4, 3, 2, 1)
_UNKNOWN = dt.datetime.min


def plan_products(
    rng: random.Random, profile: Profile, *, count: int, opening: dt.datetime, end: dt.datetime
) -> list[PlannedProduct]:
    """About `count` products over all ranges, each range at least once, oldest first.

    Most are older than `opening`, the first day of the orders; some come later. There are never
    more than the words have combinations.
    """
    possible = sum(each.combinations() for each in profile.ranges)
    share = min(1.0, count / possible)
    products = [
        product
        for each in profile.ranges
        for product in _products_of(rng, profile, each, max(1, round(each.combinations() * share)))
    ]
    for product in products:
        if rng.random() < _NEWCOMERS:
            product.created_at = _between(rng, opening, end - dt.timedelta(days=7))
        else:
            product.created_at = _between(rng, opening - dt.timedelta(days=700), opening)
    return sorted(products, key=lambda product: (product.created_at, product.sku))


def _between(rng: random.Random, start: dt.datetime, end: dt.datetime) -> dt.datetime:
    seconds = int((end - start).total_seconds())
    return start + dt.timedelta(seconds=rng.randrange(max(1, seconds)))


def _products_of(
    rng: random.Random, profile: Profile, goods: Range, count: int
) -> list[PlannedProduct]:
    every = list(itertools.product(goods.firsts, goods.seconds, goods.sizes))
    makers = profile.makers_of(goods.category)
    products = []
    for number, words in enumerate(rng.sample(every, count), start=1):
        first, second, size = words
        name, description = _texts(profile, goods, words)
        extra = rng.sample(profile.tags, rng.choice((0, 0, 1, 1, 2)))
        factor = first.factor * second.factor * size.factor
        products.append(
            PlannedProduct(
                name=name,
                description=description,
                sku=f"{goods.code}-{number:04d}",
                price=_price(profile, rng.uniform(*goods.price) * factor),
                status=rng.choices(_STATUSES, _STATUS_WEIGHTS)[0],
                category=goods.category,
                brand=rng.choice(makers.brands) if rng.random() < 0.9 else None,
                supplier=rng.choice(makers.suppliers)[0],
                tags=tuple(dict.fromkeys([*goods.tags, *extra])),
                created_at=_UNKNOWN,
            )
        )
    return products


def _texts(profile: Profile, goods: Range, words: tuple[Word, Word, Word]) -> tuple[str, str]:
    first, second, size = words
    parts = {
        "noun": goods.noun.text,
        "noun_gloss": goods.noun.gloss,
        "first": first.text,
        "first_gloss": first.gloss,
        "second": second.text,
        "second_gloss": second.gloss,
        "size": size.text,
        "note": goods.note[0],
        "note_gloss": goods.note[1],
    }
    # A range whose words say it all has no noun: no gap where it would stand.
    name = " ".join(profile.name_pattern.format(**parts).split()).replace(" ,", ",")
    name = name[0].upper() + name[1:]
    return name, profile.description_pattern.format(name=name, **parts)


def _price(profile: Profile, amount: float) -> Decimal:
    """The amount at the step that prices of its size have, at least one step."""
    exact = Decimal(f"{amount:.3f}")
    coarsest = profile.price_steps[-1][1]
    step = next((step for limit, step in profile.price_steps if exact < limit), coarsest)
    return max(step, round(exact / step) * step)


def plan_variants(
    rng: random.Random, profile: Profile, products: list[PlannedProduct]
) -> list[PlannedVariant]:
    """The shop's packs of about one product in forty, and of the first on sale in any case."""
    on_sale = [at for at, product in enumerate(products) if product.status == "active"]
    return [
        PlannedVariant(
            product=at,
            name=pack.text,
            sku=f"{products[at].sku}-{number}",
            price=_price(profile, float(products[at].price) * pack.factor),
            options={profile.pack_option: pack.text},
            quantity=rng.randint(0, 60),
        )
        for at in on_sale
        if at == on_sale[0] or rng.random() < _IN_PACKS
        for number, pack in enumerate(profile.packs, start=1)
    ]


def plan_reviews(
    rng: random.Random, profile: Profile, products: list[PlannedProduct], end: dt.datetime
) -> list[PlannedReview]:
    """About one and a half for each product on sale: many for a few, none for most; by age."""
    reviews = []
    for at, product in enumerate(products):
        if product.status != "active" or rng.random() > 0.4:
            continue
        # Goods differ: most are liked, some are not.
        weights = rng.choice(((60, 28, 8, 3, 1), (45, 35, 14, 4, 2), (25, 30, 25, 12, 8)))
        for _ in range(min(12, 1 + int(rng.expovariate(0.4)))):
            rating = rng.choices(_STARS, weights)[0]
            reviews.append(
                PlannedReview(
                    product=at,
                    reviewer_name=profile.buyer(rng).name,
                    rating=rating,
                    comment=rng.choice(profile.comments[rating]),
                    created_at=_between(rng, product.created_at, end),
                )
            )
    return sorted(reviews, key=lambda review: (review.created_at, review.product))
