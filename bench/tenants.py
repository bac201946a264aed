"""The benchmark's tenants and people, made by Noren's own services; run with Noren's environment.

The shop that is measured is `bench`, with a person in each role; `--others` adds tenants that
have nobody.
"""

from __future__ import annotations

import argparse
from decimal import Decimal

import django

CURRENCY, STANDARD_TAX_RATE = "EUR", Decimal(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--others", type=int, default=0)
    others = parser.parse_args().others
    django.setup()
    from noren_kit.accounts.provisioning import create_tenant
    from noren_kit.testing.shops import make_shop

    make_shop(slug="bench", currency=CURRENCY, standard_tax_rate=STANDARD_TAX_RATE)
    for number in range(others):
        slug = f"other-{number}"
        create_tenant(slug=slug, name=slug, currency=CURRENCY, standard_tax_rate=STANDARD_TAX_RATE)


if __name__ == "__main__":
    main()
