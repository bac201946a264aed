"""What authentication, standing and tenant entry add to a request: `make bench-authentication`.

The same empty view for anybody, for a bearer of a token and for an API key, interleaved over
one kept connection to one web process.
"""

from __future__ import annotations

import argparse
import time

from measured import start_stack, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2_000, help="of each kind")
    requests = parser.parse_args().requests
    start_stack("bare_settings")
    from noren_kit.accounts import api_keys
    from noren_kit.accounts.models import ApiKey
    from noren_kit.testing.live import Caller, live_server
    from noren_kit.testing.shops import make_shop

    shop = make_shop()
    secret = api_keys.new_secret()
    with shop.entered():
        ApiKey.objects.create(name="bench", prefix=secret.prefix, digest=secret.digest, scopes=[])
    kinds = {
        "no credential": ("/api/open/", {}),
        "access token": ("/api/closed/", {"Authorization": f"Bearer {shop.token('staff')}"}),
        "API key": ("/api/closed/", {"Authorization": f"Api-Key {secret.text}"}),
    }
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    with live_server() as base_url:
        caller = Caller(base_url)
        for _request in range(requests + 50):
            for kind, (path, headers) in kinds.items():
                started = time.perf_counter()
                status, _body = caller.send("GET", path, None, **headers)
                taken[kind].append(time.perf_counter() - started)
                if status != 200:
                    raise SystemExit(f"{kind}: {status}")
        caller.close()
    table(
        f"An empty view, {requests} requests of each kind",
        {kind: seconds[50:] for kind, seconds in taken.items()},
    )


if __name__ == "__main__":
    main()
