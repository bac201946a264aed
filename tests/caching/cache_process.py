"""One process that uses the cache, for tests of several: `cache_process.py URL ACTION KEY`.

Waits for a line on standard input before it acts, so that all of them start at once.
"""

from __future__ import annotations

import sys
import time

import django

django.setup()

from noren_kit.caching.store import Store  # noqa: E402
from noren_kit.observability.away import impatient_client  # noqa: E402

url, action, key = sys.argv[1:]
store = Store(impatient_client(url), local_bytes=1_000_000, seconds=60)
store.get("warm")
print("ready", flush=True)
sys.stdin.readline()
if action == "get":
    print((store.get(key) or b"-").decode())
else:
    with store.computing(key) as body:
        if body is None:
            time.sleep(0.1)
            store.put(key, b"made")
            print("computed made")
        else:
            print("waited", body.decode())
