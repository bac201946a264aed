"""What must not leave the program in a log line or a report: secrets and personal data."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

MASK = "***"
_SECRET_NAMES = re.compile(
    r"pass(?:word|wd|phrase)|secret|token|authori[sz]ation|cookie|api[-_]?key|private[-_]?key"
    r"|credential|signature|\bdsn\b|session(?:_?id|_?key)\b|\be?[-_]?mail\b|card|cvc|cvv|iban",
    re.IGNORECASE,
)
# Names that merely look like secrets, of facts that are none.
_PLAIN_NAMES = frozenset({"credential_id", "tokens", "idempotency_key"})
_EMAIL = re.compile(r"[^\s@<>\"'(),;:=]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63})+")
_SCHEME = re.compile(r"\b(Bearer|Basic|Api-Key|Token)\s+[^\s\"',;]+", re.IGNORECASE)
_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?")
_ASSIGNED = re.compile(
    r"((?:pass(?:word|wd)?|secret|(?:access|refresh|reset)?_?token|api[-_]?key)[\"']?\s*[=:]\s*[\"']?)"
    r"[^\s\"'&,;}]+",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(\b[a-z][a-z0-9+.\-]*://[^\s/:@]*):[^\s/@]+@", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){13,18}(?![\w-])")
_MOST_DEPTH = 8


def _is_card(digits: str) -> bool:
    """Luhn's check (ISO/IEC 7812-1, annex B)."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + at % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def _card(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[0])
    return MASK if _is_card(digits) else found[0]


def mask_text(text: str) -> str:
    """The text without e-mail addresses, credentials, passwords and card numbers."""
    if "://" in text:
        text = _IN_URL.sub(rf"\1:{MASK}@", text)
    if "@" in text:
        text = _EMAIL.sub(MASK, text)
    text = _SCHEME.sub(rf"\1 {MASK}", text)
    text = _TOKEN.sub(MASK, text)
    text = _ASSIGNED.sub(rf"\1{MASK}", text)
    return _CARD.sub(_card, text)


# For what the same clients send again and again.
mask_repeated = lru_cache(maxsize=1024)(mask_text)


def mask(value: Any, depth: int = 0) -> Any:
    """The same for whatever a line may hold; what is nested deeper than eight times is cut."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, bytes):
        return mask_text(value.decode(errors="replace"))
    if depth >= _MOST_DEPTH:
        return MASK
    if isinstance(value, Mapping):
        return {key: mask_member(key, each, depth) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask(each, depth + 1) for each in value]
    return value


def mask_member(name: Any, value: Any, depth: int = 0) -> Any:
    """The value under this name: hidden whole where the name says that it is a secret."""
    is_secret = isinstance(name, str) and name not in _PLAIN_NAMES and _SECRET_NAMES.search(name)
    if is_secret and value is not None and not isinstance(value, bool):
        return MASK
    return mask(value, depth + 1)


def mask_event(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor, to stand last before what renders the line."""
    for name, value in event.items():
        if value is not None and name[:1] != "_":
            event[name] = mask_member(name, value)
    return event
