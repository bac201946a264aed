"""The envelope of a page, for the baselines that have no framework to make it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

PAGE_SIZE = 20
# The one ordering that the baselines without a framework know.
NEWEST = "-created_at"


def page_facts(url: str, page: int, count: int, query: Mapping[str, str]) -> dict[str, Any]:
    """All of a page but its results; `url` is the list's without its `query`."""

    def link(number: int) -> str:
        return f"{url}?{urlencode(sorted({**query, 'page': str(number)}.items()))}"

    pages = max(1, -(-count // PAGE_SIZE))
    return {
        "count": count,
        "next": link(page + 1) if page < pages else None,
        "previous": link(page - 1) if page > 1 else None,
        "page_info": {
            "current_page": page,
            "total_pages": pages,
            "page_size": PAGE_SIZE,
            "has_next": page < pages,
            "has_previous": page > 1,
        },
    }


def text_query(search: str) -> str:
    """A `to_tsquery` of words that must all be there, each as a prefix."""
    quoted = (word.replace("\\", "\\\\").replace("'", "''") for word in search.split())
    return " & ".join(f"'{word}':*" for word in quoted)
