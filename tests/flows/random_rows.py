"""Random rows, as hostile as their columns allow, made from the models alone and written in bulk.

For tests that two ways of reading agree. Values follow from the types of columns, references from
foreign keys, and rows that hang on others (a CASCADE) come in none, one, five, six and twenty.
They are written past the application, one statement for each table, because it would refuse much
of this; what PostgreSQL itself checks is kept (`MENDS`).
"""

from __future__ import annotations

import datetime as dt
import json
import random
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from psycopg import sql

from noren_kit.accounts.models import User
from noren_kit.db.claims import ClaimsValue
from noren_kit.db.fields import RatingField, TenantField
from noren_kit.tenancy.checks import is_tenant_model
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.filling import in_dependency_order

Model = type[models.Model]
Row = dict[str, Any]

# How many rows hang on another, in turn.
HANGING = (0, 1, 5, 6, 20)
_TRIES = 30
_TEXTS = (
    *("", " ", "0", "null", "Tea", "tea", "  two  spaces  ", "a\tb\r\nc\n", "\x01\x1f\x7f\x85"),
    *('"quoted"', "'single'", "back\\slash", "\\u0041", "{json: [1]}", "%s %(a)s %%", "<b>&amp;"),
    *("暖簾", "のれん", "Ｎｏｒｅｎ", "é", "e\u0301\u0323", "\u202eRTL\u202c", "עברית", "العربية"),
    *(
        "👩‍👩‍👧‍👦",
        "🇯🇵",
        "𠮷野家",
        "\U0010fffd",
        "\ufeff",
        "\u2028\u2029",
        "\u200d",
        "ß",
        "İ",
        "z" * 40,
    ),
)
_PLANES = (
    *((0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x590, 0x6FF), (0x3040, 0x30FF)),
    *((0x4E00, 0x9FFF), (0xE000, 0xFFFF), (0x1F300, 0x1FAFF), (0x20000, 0x2A6DF)),
    *((0xE0001, 0xE01EF), (0xF0000, 0x10FFFD)),
)
_JSON = (None, True, False, 0, -1, 12.5, 1e-7, 2**63 - 1, [], [1, "二"], {}, {"鍵": None})


class Values:
    """Random values for columns, as JSON that PostgreSQL takes for them."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self._ties = [self._fresh_moment() for _ in range(3)]

    def id(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def text(self, most: int | None) -> str:
        choose = self.random
        parts = [choose.choice(_TEXTS)]
        while choose.random() < 0.4:
            low, high = choose.choice(_PLANES)
            some = (chr(choose.randint(low, high)) for _ in range(choose.randint(1, 12)))
            parts += ["".join(some), choose.choice(_TEXTS)]
        text = "".join(parts)
        if choose.random() < 0.02:
            text = (text or "x") * (most or 5_000)
        return text[: most or 10_000]

    def moment(self) -> str:
        """One of few, so that orders have ties, or any from 1900 to 9000."""
        found = self._fresh_moment()
        return self.random.choice(self._ties) if self.random.random() < 0.3 else found

    def _fresh_moment(self) -> str:
        start, end = dt.datetime(1900, 1, 1), dt.datetime(9000, 1, 1)
        second = start + dt.timedelta(
            seconds=self.random.randint(0, int((end - start).total_seconds()))
        )
        fine = self.random.choice((0, 0, 1, 500_000, 999_999, self.random.randint(0, 999_999)))
        return second.replace(microsecond=fine).isoformat() + "Z"

    def whole(self, low: int, high: int) -> int:
        edges = (low, low + 1, high - 1, high, 0, 1, -1, 5, 10, 999, 1_000, -1_500, 2**53 + 1)
        near = self.random.randint(-200_000, 200_000)
        number = self.random.choice((*edges, near, near * 1_000, self.random.randint(low, high)))
        return min(max(number, low), high)

    def document(self) -> Row:
        choose = self.random
        values = [*_JSON, *(self.text(30) for _ in range(6))]
        return {self.text(20): choose.choice(values) for _ in range(choose.randint(0, 10))}

    def of(self, field: Any) -> Any:
        """A value of a column that refers to nothing."""
        if field.null and self.random.random() < 0.3:
            return None
        if field.unique and isinstance(field, models.CharField):
            return self.text(field.max_length - 36) + self.id()
        if isinstance(field, ArrayField):
            return [self.of(field.base_field) for _ in range(self.random.randint(0, 4))]
        for kinds, make in _MAKERS:
            if isinstance(field, kinds):
                return make(self, field)
        raise TypeError(f"{field}: no random value is known for a {type(field).__name__}")

    def of_text(self, field: Any) -> str:
        if field.choices and self.random.random() < 0.95:
            return str(self.random.choice(field.choices)[0])
        return self.text(field.max_length)

    def of_number(self, field: Any) -> int | str:
        low, high = _bounds(field)
        number = self.whole(low, high)
        if not isinstance(field, models.DecimalField):
            return number
        sign, digits = "-" if number < 0 else "", str(abs(number)).zfill(field.decimal_places + 1)
        return f"{sign}{digits[: -field.decimal_places]}.{digits[-field.decimal_places :]}"


def _bounds(field: Any) -> tuple[int, int]:
    """What the column holds at least and at most, in its smallest unit."""
    places = getattr(field, "places", getattr(field, "decimal_places", 0))
    if isinstance(field, RatingField):
        low, high = -9_999, 9_999
    elif isinstance(field, models.DecimalField):
        low, high = -(10**field.max_digits) + 1, 10**field.max_digits - 1
    else:
        low, high = connection.ops.integer_field_range(field.get_internal_type())
    for each in field.validators:
        kind, limit = getattr(each, "code", ""), getattr(each, "limit_value", 0)
        limit = int((limit() if callable(limit) else limit) * 10**places) if kind else 0
        low = max(low, limit) if kind == "min_value" else low
        high = min(high, limit) if kind == "max_value" else high
    return low, high


_MAKERS: list[tuple[Any, Callable[[Values, Any], Any]]] = [
    (models.CharField | models.TextField, Values.of_text),
    (models.BooleanField, lambda values, field: values.random.random() < 0.6),
    (models.DateTimeField, lambda values, field: values.moment()),
    (models.DateField, lambda values, field: values.moment()[:10]),
    (models.UUIDField, lambda values, field: values.id()),
    (models.JSONField, lambda values, field: values.document()),
    (models.IntegerField | models.DecimalField, Values.of_number),
]


def _sum_up_order(row: Row) -> None:
    """Its amounts in reasonable size, their total, and no negative ones in a sale."""
    parts = ("subtotal_amount", "discount_amount", "tax_amount")
    for name in parts:
        row[name] %= 10**15
    row["discount_amount"] %= row["subtotal_amount"] + 1
    if row["kind"] == "credit":
        row.update({name: -row[name] for name in parts})
    tax = 0 if row["prices_include_tax"] else row["tax_amount"]
    row["total_amount"] = row["subtotal_amount"] - row["discount_amount"] + tax
    moved = ("refunded_amount", "returned_amount", "paid_amount")
    most = max(row["total_amount"], 0) + 1
    row.update(zip(moved, sorted(row[name] % most for name in moved), strict=True))


def _sum_up_line(row: Row) -> None:
    row["unit_price"] = row["unit_price"] % 10**12 - 10**6
    row["quantity"] = row["quantity"] % 10**6 - 1_000 or 1
    row["subtotal"] = row["unit_price"] * row["quantity"]


def _sum_up_tax(row: Row) -> None:
    row["net"], row["tax"] = row["net"] % 10**15 - 10**9, row["tax"] % 10**15 - 10**9
    row["gross"] = row["net"] + row["tax"]


def _sum_up_return(row: Row) -> None:
    row["net"], row["tax"] = row["net"] % 10**15, row["tax"] % 10**15
    row["gross"] = row["net"] + row["tax"]


def _above_nothing(name: str) -> Callable[[Row], None]:
    def mend(row: Row) -> None:
        row[name] = row[name] % 10**15 + 1

    return mend


def _keep_stock(row: Row) -> None:
    row["reserved"], row["on_hand"] = sorted((abs(row["reserved"]) >> 1, abs(row["on_hand"]) >> 1))
    row["sold"] = abs(row["sold"]) >> 1


def _move(row: Row) -> None:
    row["quantity"] = row["quantity"] or -1


# What check constraints over several columns ask for, by model.
MENDS: dict[str, Callable[[Row], None]] = {
    "orders.Order": _sum_up_order,
    "orders.OrderLine": _sum_up_line,
    "orders.OrderTax": _sum_up_tax,
    "orders.Payment": _above_nothing("amount"),
    "orders.OrderReturn": _sum_up_return,
    "orders.ReturnTax": _sum_up_return,
    "orders.ReturnLine": _above_nothing("quantity"),
    "inventory.StockHold": _above_nothing("quantity"),
    "inventory.StockItem": _keep_stock,
    "inventory.StockMovement": _move,
}


class RandomRows:
    """Rows of some models and of all that these must refer to, by model; `count` of each."""

    def __init__(self, wanted: Iterable[Model], values: Values, count: int) -> None:
        self.values, self.count = values, count
        self.rows: dict[Model, list[Row]] = {}
        self._taken: set[tuple[Any, ...]] = set()
        needed = _with_what_they_need(set(wanted))
        ordered = [Tenant, User, *in_dependency_order()]
        self._models = [model for model in ordered if model in needed]
        for model in self._models:
            self.rows[model] = []
        for model in self._models:
            self._fill(model)

    def _fill(self, model: Model) -> None:
        holder = _holder(model)
        if holder is None:
            for _ in range(self.count):
                self.add(model)
            return
        for number, held_by in enumerate(self.rows[holder.related_model]):
            for _ in range(HANGING[number % len(HANGING)]):
                self.add(model, **{holder.attname: held_by["id"]})

    def add(self, model: Model, **fixed: Any) -> Row | None:
        """One more row, None where none was found that is unlike the others."""
        for _ in range(_TRIES):
            row = {**self._row(model), **fixed}
            MENDS.get(model._meta.label, lambda _row: None)(row)
            keys = set(_keys(model, row))
            if not keys & self._taken:
                self._taken |= keys
                self.rows[model].append(row)
                return row
        return None

    def _row(self, model: Model) -> Row:
        row: Row = {}
        for field in model._meta.concrete_fields:
            if field.primary_key:
                row[field.attname] = self.values.id()
            elif isinstance(field, models.ForeignKey):
                if not isinstance(field, TenantField):
                    row[field.attname] = self._reference(model, field)
            elif field.name == "deleted_at":
                gone = self.values.random.random() < 0.2
                row[field.attname] = self.values.moment() if gone else None
            else:
                row[field.attname] = self.values.of(field)
        return row

    def _reference(self, model: Model, field: Any) -> Any:
        target = field.related_model
        if field.null and (self.values.random.random() < 0.3 or not self.rows.get(target)):
            return None
        if _is_alone(model, field.name):
            made = self.add(target)
            assert made is not None
            return made["id"]
        return self.values.random.choice(self.rows[target])["id"]

    def write(self, owner: psycopg.Connection[Any], tenant: uuid.UUID) -> None:
        """All of them at once, under that tenant."""
        with owner.transaction():
            owner.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant)])
            for model in self._models:
                whose = {"tenant_id": str(tenant)} if is_tenant_model(model) else {}
                write(owner, model, [{**row, **whose} for row in self.rows[model]])


def write(owner: psycopg.Connection[Any], model: Model, rows: list[Row]) -> None:
    """Insert rows by one statement, just as they are."""
    table = sql.Identifier(model._meta.db_table)
    columns = sql.SQL(", ").join(
        sql.Identifier(str(field.column)) for field in model._meta.concrete_fields
    )
    owner.execute(
        sql.SQL(
            "INSERT INTO {table} ({columns})"
            " SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s::json)"
        ).format(table=table, columns=columns),
        [json.dumps(rows)],
    )


def _holder(model: Model) -> Any:
    """The foreign key by which rows hang on another, if they do."""
    for field in model._meta.local_fields:
        to_tenant_row = field.is_relation and is_tenant_model(field.related_model)
        if to_tenant_row and field.remote_field.on_delete is models.CASCADE:
            return field
    return None


def _with_what_they_need(wanted: set[Model]) -> set[Model]:
    found, waiting = set(), list(wanted)
    while waiting:
        model = waiting.pop()
        if model in found:
            continue
        found.add(model)
        for field in model._meta.local_fields:
            needed = isinstance(field, models.ForeignKey) and not field.null
            if needed and not isinstance(field, TenantField):
                waiting.append(field.related_model)
    return found


def _uniques(model: Model) -> list[models.UniqueConstraint]:
    return [each for each in model._meta.constraints if isinstance(each, models.UniqueConstraint)]


def _is_alone(model: Model, name: str) -> bool:
    """Whether a row may be referred to by one row only."""
    return any({*each.fields} - {"tenant"} == {name} for each in _uniques(model))


def _keys(model: Model, row: Row) -> list[tuple[Any, ...]]:
    """What the row alone may have, as the unique constraints that bind it say."""
    gone = row.get("deleted_at") is not None
    found: list[tuple[Any, ...]] = []
    for each in _uniques(model):
        attnames = [model._meta.get_field(name).attname for name in each.fields if name != "tenant"]
        held = tuple(row[name] for name in attnames)
        free = None in held and each.nulls_distinct is not False
        if not free and not (gone and "deleted_at" in str(each.condition)):
            found.append((each.name, *held))
    for claim in model._meta.constraints:
        if isinstance(claim, ClaimsValue) and not gone:
            found.append((claim.claims, row[claim.field]))
    return found
