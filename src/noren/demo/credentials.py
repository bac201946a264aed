"""Passwords of the demo's people: random for each installation, kept in one private file."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import make_password

from noren.demo.loading import DemoShop, NotOursError
from noren.demo.words.passwords import WORDS
from noren_kit.accounts.models import User
from noren_kit.stack.private import read_json, write_json


@dataclass(frozen=True, slots=True)
class Password:
    """A password as a person types it, and as the database keeps it."""

    text: str
    hashed: str


def new_password() -> Password:
    """Three words and four digits to read and type: about 37 bits. Takes a tenth of a second."""
    words = [secrets.choice(WORDS) for _ in range(3)]
    text = "-".join([*words, f"{secrets.randbelow(10_000):04d}"])
    return Password(text, make_password(text))


def are_current(file: Path, shops: Sequence[DemoShop]) -> bool:
    """Whether a file holds the passwords of just these shops, of this installation.

    Raises `NotOursError` for a file of some other kind, `StackError` for one that can't be read.
    """
    content = read_json(file)
    if content and "tenants" not in content:
        raise NotOursError(f"{file} holds something else: name another file.")
    known = [
        (tenant["id"], [user["username"] for user in tenant["users"]])
        for tenant in content.get("tenants", [])
    ]
    return known == [
        (str(shop.tenant.id), [user.username for user in shop.users.values()]) for shop in shops
    ]


def renew(
    file: Path, shops: Sequence[DemoShop], platform: User, passwords: Iterable[Password]
) -> None:
    """Give all of them new passwords, then replace the file (mode 0600) in one step.

    After a kill in between the file is missing or names other shops, so the next run renews.
    """
    people = [platform, *(user for shop in shops for user in shop.users.values())]
    given = dict(zip((user.id for user in people), passwords, strict=False))
    for user in people:
        user.password = given[user.id].hashed
    User.objects.bulk_update(people, ["password"])
    tenants = [
        {
            "id": str(shop.tenant.id),
            "slug": shop.tenant.slug,
            "name": shop.tenant.name,
            "users": [_entry(user, given) | {"role": role} for role, user in shop.users.items()],
        }
        for shop in shops
    ]
    write_json(file, {"tenants": tenants, "platform": _entry(platform, given)})


def _entry(user: User, given: Mapping[uuid.UUID, Password]) -> dict[str, Any]:
    return {"username": user.username, "password": given[user.id].text}
