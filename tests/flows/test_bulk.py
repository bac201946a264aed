from __future__ import annotations
from noren_kit.testing.shops import Shop
from noren_kit.testing.queries import recorded_statements
from store import API, Store
import time

def test_try(shop: Shop) -> None:
    store = Store(shop)
    category = store.category()["id"]
    c = shop.client("manager")
    for n in (10, 1000):
        rows = [{"name": f"Tea {i}", "sku": f"T{n}-{i}", "price": "100", "category": category, "stock_quantity": 3, "tags": ["a", f"b{i}"]} for i in range(n)]
        t=time.process_time()
        with recorded_statements() as st:
            r = c.post(f"{API}products/bulk/", rows)
        print(r.status_code, str(r.json())[:300], len(st), time.process_time()-t)
        ids = [x["id"] for x in r.json()["results"]]
        if n==10: print("\n".join(x[:150] for x in st))
        t=time.process_time()
        with recorded_statements() as st:
            r = c.patch(f"{API}products/bulk/", [{"id": i, "price": "60", "tags": ["z"], "sku": f"X{n}-{k}"} for k, i in enumerate(ids)])
        print(r.status_code, str(r.json())[:300], len(st), time.process_time()-t)
        if n==10: print("\n".join(x[:150] for x in st))
        with recorded_statements() as st:
            r = c.delete(f"{API}products/bulk/", [{"id": i} for k, i in enumerate(ids)])
        print(r.status_code, str(r.json())[:300], len(st), time.process_time()-t)
        if n==10: print("\n".join(x[:150] for x in st))
        r = c.get(f"{API}products/?deleted=true"); print(r.status_code, r.json()["count"])
        r = c.post(f"{API}products/{ids[0]}/restore/"); print(r.status_code, str(r.json())[:200])
        r = c.post(f"{API}products/{ids[0]}/restore/"); print(r.status_code, str(r.json())[:200])
    assert 0
