from __future__ import annotations

import time

from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Shop
from store import API, Store


def test_try(shop: Shop) -> None:
    store = Store(shop)
    category = store.category()["id"]
    c = shop.client("manager")
    for n in (10, 1000):
        rows = [
            {
                "name": f"Tea {i}",
                "sku": f"T{n}-{i}",
                "price": "100",
                "category": category,
                "stock_quantity": 3,
                "tags": ["a", f"b{i}"],
            }
            for i in range(n)
        ]
        t = time.process_time()
        w = time.time()
        with recorded_statements() as st:
            r = c.post(f"{API}products/bulk/", rows)
        print(r.status_code, len(st), time.process_time() - t, time.time() - w)
        ids = [x["id"] for x in r.json()["results"]]
        t = time.process_time()
        w = time.time()
        with recorded_statements() as st:
            r = c.patch(
                f"{API}products/bulk/",
                [
                    {"id": i, "price": "60", "tags": ["z"], "sku": f"X{n}-{k}"}
                    for k, i in enumerate(ids)
                ],
            )
        print(r.status_code, len(st), time.process_time() - t, time.time() - w)
        with recorded_statements() as st:
            r = c.delete(f"{API}products/bulk/", [{"id": i} for k, i in enumerate(ids)])
        print(r.status_code, len(st), time.process_time() - t, time.time() - w)
        r = c.get(f"{API}products/?deleted=true")
        print(r.status_code, r.json()["count"])
        r = c.post(f"{API}products/{ids[0]}/restore/")
        print(r.status_code, str(r.json())[:200])
        r = c.post(f"{API}products/{ids[0]}/restore/")
        print(r.status_code, str(r.json())[:200])
    assert 0
