"""`load_demo`: three shops with a past, and a file with who may sign in to them."""

from __future__ import annotations

import datetime as dt
import time
from argparse import ArgumentTypeError
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from noren.demo import credentials
from noren.demo.generating import SEED
from noren.demo.loading import (
    DemoShop,
    Making,
    NotOursError,
    find_shops,
    make_platform_user,
    make_shop,
)
from noren.demo.words import PROFILES
from noren_kit.stack.errors import StackError

MAX_SCALE = 5


def _moment(text: str) -> dt.datetime:
    moment = parse_datetime(text)
    if moment is None or moment.tzinfo is None:
        raise ArgumentTypeError("a moment with its offset is needed, as 2026-04-01T09:00:00Z")
    return moment


def _scale(text: str) -> float:
    scale = float(text)
    # A shop is one transaction, and the application's may last a minute.
    if not 0 < scale <= MAX_SCALE:
        raise ArgumentTypeError(f"more than 0, and at most {MAX_SCALE}")
    return scale


def _people() -> int:
    """Members of all shops, and the platform's own."""
    return 1 + sum(len(profile.members) for profile in PROFILES)


class Command(BaseCommand):
    """Makes what is missing and leaves alone what is there; safe to interrupt and to repeat."""

    help = "Load three demo shops, and write who may sign in to a private file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--credentials",
            type=Path,
            required=True,
            metavar="FILE",
            help="Where user names and passwords stand; without it the users get new ones.",
        )
        parser.add_argument("--seed", type=int, default=SEED, help="Another seed, other shops.")
        parser.add_argument(
            "--scale",
            type=_scale,
            default=1.0,
            metavar="F",
            help="1: about 1,000 products (nearly all there are) and 2,000 orders a shop.",
        )
        parser.add_argument(
            "--end", type=_moment, metavar="MOMENT", help="The last moment of the past; now."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        file = Path(options["credentials"])
        making = Making(options["seed"], options["scale"], options["end"] or timezone.now())
        try:
            self._load(file, making)
        except (NotOursError, StackError) as error:
            raise CommandError(str(error)) from error

    def _load(self, file: Path, making: Making) -> None:
        found = {shop.tenant.slug: shop for shop in find_shops(PROFILES)}
        current = credentials.are_current(file, list(found.values()))
        if current and len(found) == len(PROFILES):
            self.stdout.write("The demo is there already.")
            return
        # Hashing is slow on purpose, and leaves the interpreter to whoever makes the shops.
        with ThreadPoolExecutor(max_workers=1) as hashing:
            passwords = [hashing.submit(credentials.new_password) for _ in range(_people())]
            shops = self._shops(found, making)
            platform = make_platform_user()
            credentials.renew(file, shops, platform, (each.result() for each in passwords))
        self.stdout.write(f"User names and passwords are in {file}.")

    def _shops(self, found: Mapping[str, DemoShop], making: Making) -> list[DemoShop]:
        shops = []
        for profile in PROFILES:
            started = time.monotonic()
            shop = found.get(profile.slug)
            if shop is None:
                shop = make_shop(profile, making)
                seconds = time.monotonic() - started
                self.stdout.write(f"{profile.name}: made in {seconds:.1f} s.")
            shops.append(shop)
        return shops
