"""The shop of the coherence test: rows whose facts grow, how they are raised, where they show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from coherence_facts import GONE, Absence, Facts, Place, Question, Total
from coherence_writers import API, Write

from noren.catalog.views import ProductViewSet
from noren_kit.testing.shops import Shop
from store import Store

RAISED, ORDERED, DESCRIBED = 8, 4, 2
FIRST_PRICE, FIRST_STOCK, FOR_SALE = 100, 5, 1_000_000
THRESHOLDS = (103, 110, 130, 200, 400)
# Over this a product is in stock.
LOW = 10
TABLES = {
    "brands": "catalog_brand",
    "categories": "catalog_category",
    "customers": "orders_customer",
    "suppliers": "catalog_supplier",
    "tags": "catalog_tag",
    "products": "catalog_product",
    "variants": "catalog_variant",
    "reviews": "catalog_review",
}


@dataclass
class World:
    """The rows, what is known of them, how it is written and what is asked."""

    shop: Shop
    facts: Facts = field(default_factory=Facts)
    groups: list[list[Write]] = field(default_factory=list)
    people: list[tuple[str, str, int]] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    prices: dict[str, int] = field(default_factory=dict)
    stocks: dict[str, int] = field(default_factory=dict)
    gone: int = -1

    def ask(self, path: str, **details: Any) -> None:
        self.questions.append(Question(API + path, **details))

    def named(self, path: str, label: str, row: str, column: str = "name") -> Write:
        """A write of the number in a name."""
        fact = self.facts.add_text(label, TABLES[path.split("/")[-3]], column, row)
        body = f'{{"{column}": "{label} #{{n}}"}}'
        return Write("PATCH", API + path, body, ((fact, 1),), sets=True)

    def priced(self, product: str) -> Write:
        truth = f"SELECT price / 1000 FROM catalog_product WHERE id = '{product}'"
        fact = self.prices[product] = self.facts.add(f"price of {product}", truth)
        self.facts.show(product, Place("price", fact))
        path = f"{API}products/{product}/"
        return Write("PATCH", path, '{"price": "{n}"}', ((fact, 1),), sets=True)

    def stocked(self, path: str, row: str, table: str) -> list[Write]:
        truth = (
            "SELECT i.on_hand FROM inventory_stockitem i"
            f" JOIN {table} t ON t.stock_item_id = i.id WHERE t.id = '{row}'"
        )
        fact = self.stocks[row] = self.facts.add(f"stock of {row}", truth)
        self.facts.show(row, Place("stock_quantity", fact))
        return [
            Write(
                "POST",
                f"{API}{path}adjust_stock/",
                f'{{"delta": {delta}, "reason": "more"}}',
                ((fact, delta),),
            )
            for delta in (1, 2)
        ]

    def counted(self, name: str, table: str, condition: str = "deleted_at IS NULL") -> int:
        return self.facts.add(name, f"SELECT count(*) FROM {table} WHERE {condition}")


def make_world(shop: Shop) -> World:
    """A shop of twelve products with all that belongs to them."""
    world, store = World(shop), Store(shop)
    rows = {
        "categories": [store.category(f"Category {each} #0")["id"] for each in range(3)],
        "brands": [store.post("brands/", {"name": f"Brand {each} #0"})["id"] for each in range(2)],
        "suppliers": [store.post("suppliers/", {"code": "x", "name": "Supplier 0 #0"})["id"]],
        "tags": [store.post("tags/", {"name": f"Tag {each} #0"})["id"] for each in range(3)],
    }
    products = _products(store, rows)
    raised = [each["id"] for each in products[:RAISED]]
    labels = {"categories": "Category", "brands": "Brand", "suppliers": "Supplier", "tags": "Tag"}
    plain = [
        world.named(f"{kind}/{row}/", f"{labels[kind]} {number}", row)
        for kind, ids in rows.items()
        for number, row in enumerate(ids)
    ]
    goods = [world.priced(row) for row in raised]
    goods += [
        world.named(f"products/{row}/", f"Description {number}", row, "description")
        for number, row in enumerate(raised[:DESCRIBED])
    ]
    stock = [
        write
        for row in raised
        for write in world.stocked(f"products/{row}/", row, "catalog_product")
    ]
    plain += _below(world, store, products[:2], stock)
    brand_count = world.counted("brands", "catalog_brand")
    made = Write("POST", f"{API}brands/", '{"name": "Made {n}"}', ((brand_count, 1),))
    world.groups = [plain, goods, stock, [made], _orders(world, store, products[RAISED:])]
    _people(world)
    _gone(world)
    _ask_plain(world, rows, brand_count)
    _ask_products(world, [each["id"] for each in products], rows)
    return world


def _products(store: Store, rows: dict[str, list[str]]) -> list[dict[str, Any]]:
    return [
        store.product(
            name=f"Tea {each}",
            description=f"Description {each} #0" if each < DESCRIBED else "Fine tea.",
            category=rows["categories"][each % 3],
            brand=rows["brands"][each % 2],
            supplier=rows["suppliers"][0],
            price=str(FIRST_PRICE),
            tags=[f"Tag {each % 3} #0"],
            stock_quantity=FIRST_STOCK if each < RAISED else FOR_SALE,
        )
        for each in range(RAISED + ORDERED)
    ]


def _below(
    world: World, store: Store, products: list[dict[str, Any]], stock: list[Write]
) -> list[Write]:
    """Variants and reviews, which show in their product too."""
    writes = []
    for number, product in enumerate(products):
        below = f"products/{product['id']}/"
        # Its price is that of its product.
        variant = store.variant(product, name=f"Variant {number} #0", stock_quantity=0)
        writes.append(world.named(variant["path"], f"Variant {number}", variant["id"]))
        price = world.prices[product["id"]]
        world.facts.show(variant["id"], Place("effective_price", price))
        stock += world.stocked(variant["path"], variant["id"], "catalog_variant")
        review = {"rating": 5, "title": f"Review {number} #0", "comment": "Good."}
        made = store.post(f"{below}reviews/", review)["id"]
        store.post(f"{below}reviews/{made}/approve/", {}, 200)
        writes.append(world.named(f"{below}reviews/{made}/", f"Review {number}", made, "title"))
        for path in (
            "variants/",
            "variants/?is_active=true&ordering=name",
            "variants/?fields=id,effective_price",
            f"variants/{variant['id']}/",
            "reviews/",
            "reviews/?ordering=rating&status=approved",
            f"reviews/{made}/",
        ):
            world.ask(below + path)
    return writes


def _orders(world: World, store: Store, products: list[dict[str, Any]]) -> list[Write]:
    """Orders by two customers: each raises what was sold and two counts."""
    total = world.counted("orders", "orders_order")
    writes = []
    for number in range(2):
        customer = store.customer(company=f"Customer {number} #0")["id"]
        own = world.counted(f"orders of {customer}", "orders_order", f"customer_id = '{customer}'")
        writes.append(
            world.named(f"customers/{customer}/", f"Customer {number}", customer, "company")
        )
        world.ask(f"customers/{customer}/")
        world.ask(f"orders/?customer={customer}&page_size=2", places=(Place("count", own),))
        for product in products:
            row = product["id"]
            sold = world.facts.rows.get(row)
            fact = sold[0].fact if sold else _sold(world, row)
            for quantity in (1, 3):
                line = f'{{"product_id": "{row}", "quantity": {quantity}}}'
                body = f'{{"customer": "{customer}", "items": [{line}]}}'
                raises = ((total, 1), (own, 1), (fact, quantity))
                writes.append(Write("POST", f"{API}orders/", body, raises))
    world.ask("orders/?page_size=5", places=(Place("count", total),))
    world.ask("orders/?ordering=-total_amount&page_size=3", places=(Place("count", total),))
    world.ask("customers/")
    world.ask("customers/?ordering=name&fields=id,company")
    return writes


def _sold(world: World, product: str) -> int:
    truth = (
        "SELECT s.sold FROM catalog_product p JOIN inventory_stockitem s"
        f" ON s.tenant_id = p.tenant_id AND s.id = p.stock_item_id WHERE p.id = '{product}'"
    )
    fact = world.facts.add(f"units sold of {product}", truth)
    world.facts.show(product, Place("total_sales", fact))
    world.facts.show(product, Place("stock_quantity", fact, FOR_SALE, -1))
    return fact


def _people(world: World) -> None:
    user = world.shop.users["owner"]
    fact = world.facts.add_text("Person 0", "accounts_user", "name", str(user.id))
    user.name = "Person 0 #0"
    user.save(update_fields=["name"])
    world.people.append((str(user.id), "Person 0", fact))


def _gone(world: World) -> None:
    world.gone = world.facts.add(
        "suppliers made and deleted",
        "SELECT coalesce(max(split_part(code, '-', 2)::bigint), 0) FROM catalog_supplier"
        " WHERE code LIKE 'gone-%' AND deleted_at IS NOT NULL",
    )
    world.facts.labels[GONE] = world.gone


def _ask_plain(world: World, rows: dict[str, list[str]], count: int) -> None:
    for path in (
        "categories/",
        "categories/?ordering=-name&fields=id,name",
        f"categories/{rows['categories'][0]}/",
        f"brands/{rows['brands'][0]}/",
        "brands/?search=Brand",
        "suppliers/",
        "suppliers/?search=Gone",
        "suppliers/?ordering=name&page_size=100",
        f"suppliers/{rows['suppliers'][0]}/",
        "tags/",
        "tags/?cursor=&ordering=name",
        f"tags/{rows['tags'][0]}/",
    ):
        world.ask(path)
    world.ask("brands/?page_size=1", places=(Place("count", count),))
    world.ask("brands/?page_size=3&ordering=name", places=(Place("count", count),))


def _ask_products(world: World, products: list[str], rows: dict[str, list[str]]) -> None:
    for path in (
        "",
        "?page_size=5",
        "?page_size=5&page=2",
        "?ordering=-price",
        "?ordering=-total_sales&page_size=4",
        "?ordering=name&omit=tags",
        "?cursor=&ordering=-price",
        "?cursor=&page_size=4",
        f"?category={rows['categories'][0]}",
        f"?brand={rows['brands'][1]}&ordering=price",
        "?is_active=true&fields=id,category_name",
        "?fields=id,price",
        "?fields=id,stock_quantity,total_sales",
        "?search=Tea",
        "?price_max=100000&status=active",
        f"{products[0]}/",
        f"{products[1]}/",
        f"{products[5]}/",
        f"{products[0]}/?fields=active_variants",
        f"{products[RAISED]}/",
        f"{products[RAISED + 1]}/?fields=id,total_sales,stock_quantity",
        *(f"{action}/" for action in ProductViewSet.cached_actions if action != "statistics"),
    ):
        world.ask(f"products/{path}")
    for least in THRESHOLDS:
        absent = tuple(Absence(row, fact, least - 1) for row, fact in world.prices.items())
        world.ask(f"products/?price_min={least}&page_size=100", absences=absent)
    absent = tuple(Absence(row, fact, LOW) for row, fact in world.stocks.items() if row in products)
    world.ask("products/?availability_status=in_stock&page_size=100", absences=absent)
    if "statistics" in ProductViewSet.cached_actions:
        _ask_statistics(world, [row for row in world.stocks if row in products])


def _ask_statistics(world: World, raised: list[str]) -> None:
    """The average price, and how few are low on stock: none is out of it."""
    everything = RAISED + ORDERED
    prices = world.facts.add(
        "sum of prices", "SELECT sum(price) / 1000 FROM catalog_product WHERE deleted_at IS NULL"
    )
    in_stock = world.facts.add(
        "products in stock",
        "SELECT count(*) FROM catalog_product p"
        f" JOIN inventory_stockitem i ON i.id = p.stock_item_id WHERE i.on_hand > {LOW}",
    )
    members = tuple(world.prices.values())
    world.facts.totals.append(Total(prices, ORDERED * FIRST_PRICE, members))
    members = tuple(world.stocks[row] for row in raised)
    world.facts.totals.append(Total(in_stock, ORDERED, members, LOW))
    # The average is rounded to whole yen.
    average = Place("average_price", prices, everything // 2, everything)
    low = Place("low_stock", in_stock, everything, -1)
    world.ask("products/statistics/", places=(average, low))
