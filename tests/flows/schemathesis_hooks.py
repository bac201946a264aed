"""Loaded by schemathesis itself: most ids that it makes up become ids of rows that exist.

Without it nearly every generated request would end at a 404, and the operations behind it would
never be reached. What is no id stays as it was made, and so does every fifth id.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from typing import Any

import schemathesis

ROWS: dict[str, str] = json.loads(os.environ["NOREN_ROWS"])
OTHER = f"Bearer {os.environ['NOREN_OTHER_TOKEN']}"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def existing(value: Any, name: str) -> Any:
    """The row of that name in place of a made-up id."""
    made_up = isinstance(value, str) and _ID.fullmatch(value) and name in ROWS
    return ROWS[name] if made_up and zlib.crc32(value.encode()) % 5 else value


def one_thing(line: dict[str, Any]) -> dict[str, Any]:
    """A line of an order that names both a product and a variant, mostly with the product alone."""
    both = {"product_id", "variant_id"} <= line.keys()
    if both and zlib.crc32(str(line["product_id"]).encode()) % 5:
        return {name: value for name, value in line.items() if name != "variant_id"}
    return line


def with_rows(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: with_rows(each, key) for key, each in one_thing(value).items()}
    if isinstance(value, list):
        return [with_rows(each, name) for each in value]
    return existing(value, name)


def as_other(request: Any) -> Any:
    request.headers["Authorization"] = OTHER
    return request


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    if case.operation.path.startswith("/api/auth/logout/"):
        # Of somebody else: the caller of all the other requests stays signed in.
        kwargs["auth"] = as_other
    # The resource of each id stands before it: /api/v1/products/{product}/variants/{id}/.
    parts = case.operation.path.split("/")
    for name in case.path_parameters or {}:
        at = parts.index(f"{{{name}}}") - 1
        kind = parts[at]
        if case.operation.method.upper() == "DELETE" and name == "id":
            kind = f"spare {kind}"
        case.path_parameters[name] = existing(case.path_parameters[name], kind)
    if isinstance(case.body, dict | list):
        case.body = with_rows(case.body)
