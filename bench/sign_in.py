"""Whether the time of a failed sign-in tells why it failed: `make bench-sign-in`.

Every kind of failure in turn, in random order, against one web process with Argon2 as in
production and limits off. A kind that stands apart would tell strangers who has an account.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Mapping
from typing import Any

from measured import start_stack, table

URL = "/api/auth/token/"


def bodies() -> Mapping[str, Any]:
    """A body for each way to fail, and one that succeeds."""
    from noren_kit.accounts.models import User
    from noren_kit.testing.shops import PASSWORD, make_shop

    shop, other = make_shop(), make_shop()
    disabled = shop.users["viewer"]
    User.objects.filter(id=disabled.id).update(is_active=False)
    name, wrong = shop.users["staff"].username, "wrong horse battery"
    return {
        "wrong password": {"username": name, "password": wrong},
        "unknown user": {"username": "nobody", "password": wrong},
        "disabled user": {"username": disabled.username, "password": PASSWORD},
        "not a member": {
            "username": name,
            "password": PASSWORD,
            "tenant_id": str(other.tenant.id),
        },
        "(signed in)": {"username": name, "password": PASSWORD},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=200, help="of each kind")
    tries = parser.parse_args().tries
    start_stack()
    from noren_kit.testing.live import Caller, live_server

    kinds = bodies()
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    order = random.Random(20261122)
    with live_server() as base_url:
        caller = Caller(base_url)
        for _try in range(tries + 5):
            for kind in order.sample(sorted(kinds), len(kinds)):
                started = time.perf_counter()
                status, _body = caller.post(URL, kinds[kind])
                taken[kind].append(time.perf_counter() - started)
                expected = 200 if kind.startswith("(") else 401
                if status != expected:
                    raise SystemExit(f"{kind}: {status}, not {expected}")
        caller.close()
    table(
        f"Sign-in, {tries} tries of each, in random order",
        {kind: seconds[5:] for kind, seconds in taken.items()},
    )


if __name__ == "__main__":
    main()
