"""What names a kept answer for good: everything that it depends on, in one digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.utils.http import parse_etags

from noren_kit.core.conf import conf
from noren_kit.core.context import Actor, Revision, TenantInfo

# Settings of the kit by which the same rows look different.
_SHAPING = ("PAGE_SIZE", "MAX_PAGE_SIZE", "MAX_PAGE_OFFSET")


class Seed(NamedTuple):
    """What stays the same of an answer's keys from one revision to the next.

    `binds` says that the answer hangs on who asks, and not on their rights alone; `route` is that
    of its address, for the log. `path` is held apart from `digest`, which all rows of a resource
    share.
    """

    digest: bytes
    path: str
    collections: tuple[str, ...]
    standing: tuple[Any, ...]
    binds: bool
    route: str | None


@lru_cache(maxsize=1024)
def standing_of(actor: Actor, *, binds: bool) -> tuple[Any, ...]:
    """Of a caller, what an answer may depend on."""
    return (
        tuple(sorted(actor.roles)),
        tuple(sorted(actor.permissions)),
        None if actor.scopes is None else tuple(sorted(actor.scopes)),
        actor.is_superuser,
        actor.user_id if binds else None,
    )


def seed_of(
    actor: Actor,
    collections: Iterable[str],
    *facts: Any,
    path: str,
    binds: bool,
    route: str | None = None,
) -> Seed:
    """The seed of what is made from `collections` and, beside the tenant, depends on `facts`."""
    standing = standing_of(actor, binds=binds)
    digest = hashlib.blake2b(
        repr((generation(), standing, facts)).encode("utf-8", "surrogatepass"), digest_size=16
    ).digest()
    return Seed(digest, path, tuple(sorted(collections)), standing, binds, route)


def key_of(seed: Seed, tenant: TenantInfo, revisions: Mapping[str, Revision]) -> str:
    """The key at these revisions, which is the entity tag too, or its end (`versioned`)."""
    held = [revisions[each].number for each in seed.collections]
    facts = (seed.digest, seed.path, seed.collections, _shown(tenant), held)
    return digest_of(repr(facts).encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=1024)
def _shown(tenant: TenantInfo) -> str:
    return repr(tenant)


def digest_of(data: bytes) -> str:
    """Keyed, so that nobody outside can tell the tag of an answer that they may not see."""
    secret = settings.SECRET_KEY.encode()[:64]
    return hashlib.blake2b(data, key=secret, digest_size=16).hexdigest()


def names_tag(offered: str, tag: str) -> bool:
    """Whether an `If-None-Match` holds this very tag (RFC 9110, section 13.1.2)."""
    if offered == f'"{tag}"':
        return True
    if tag not in offered:
        return False
    return any(each.removeprefix("W/") == f'"{tag}"' for each in parse_etags(offered))


def tag_in(offered: str, key: str) -> str | None:
    """The tag of the answer under `key`, with its row's version if it has one, that is offered."""
    if key not in offered:
        return None
    # Nearly all name one; the framework's parser takes ten times as long.
    alone = offered.startswith('"') and offered.endswith('"') and offered.count('"') == 2
    for each in [offered] if alone else parse_etags(offered):
        tag = each.removeprefix("W/").strip('"')
        version, dash, digest = tag.rpartition("-")
        if digest == key and (version.isdecimal() if dash else True):
            return tag
    return None


def versioned(version: int | None, digest: str) -> str:
    """The entity tag of an answer: with the version of the row that it shows, if it shows one."""
    return digest if version is None else f"{version}-{digest}"


def with_version(version: int | None, body: bytes) -> bytes:
    """A JSON body as it is kept: behind the version of the row that it shows, if it shows one."""
    return body if version is None else b"%d%b" % (version, body)


def parted(kept: bytes) -> tuple[int | None, bytes]:
    """Version and body of what `with_version` made."""
    if not 48 <= kept[0] <= 57:  # No digit: the body itself.
        return None, kept
    at = kept.index(b"{")
    return int(kept[:at]), kept[at:]


def tagged(key: str, kept: bytes) -> tuple[str, bytes]:
    """Entity tag and body of what is kept under `key`."""
    version, body = parted(kept)
    return versioned(version, key), body


@lru_cache(maxsize=1)
def generation() -> str:
    """The state of our own code and settings, so that two releases share no answers."""
    kit = Path(__file__).parents[1]
    others = (Path(app.path) for app in apps.get_app_configs())
    digest = hashlib.blake2b(digest_size=8)
    shaping = [getattr(conf, each) for each in _SHAPING]
    digest.update(repr((shaping, settings.REST_FRAMEWORK, settings.MEDIA_URL)).encode())
    for package in [kit, *sorted(each for each in others if kit not in each.parents)]:
        for source in sorted(package.rglob("*.py")):
            digest.update(source.read_bytes())
    return digest.hexdigest()
