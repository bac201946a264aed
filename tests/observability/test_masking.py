"""Secrets and personal data leave in no line; what an operator needs stays."""

from __future__ import annotations

from typing import Any

import pytest

from noren_kit.observability.masking import mask_event, mask_text

JWT = "eyJhbGciOiJFZERTQSJ9.eyJ1c2VyX2lkIjoiMSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("mail to hanako.yamada+x@example.co.jp failed", "hanako"),
        ("Authorization: Bearer abc.def-123", "abc"),
        ("Api-Key nk_live_0123456789", "nk_live"),
        (f"bad token {JWT}", "eyJ"),
        ("password=hunter22&x=1", "hunter22"),
        ('{"password": "hunter22"}', "hunter22"),
        ("refresh_token: r-4711", "r-4711"),
        ("postgresql://noren_app:s3cret@db:5432/noren", "s3cret"),
        ("paid by 4111 1111 1111 1111 today", "4111"),
        ("5500-0000-0000-0004", "5500"),
    ],
)
def test_hidden_in_texts(text: str, hidden: str) -> None:
    assert hidden not in mask_text(text)
    assert "***" in mask_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "api/v1/products/<uuid:pk>/",
        "01930f2e-8c4a-7b1e-9a55-0242ac120002",
        "order 2026-000123 of 2026-11-27T11:38:00.123456Z",
        "4111 1111 1111 1112 is no card",
        "4006381333931",
        "SELECT a FROM b WHERE c = %s",
        "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
        "203.0.113.7",
    ],
)
def test_kept_in_texts(text: str) -> None:
    assert mask_text(text) == text


def test_members_are_hidden_by_name_however_deep() -> None:
    event: dict[str, Any] = {
        "event": "failed for a@b.example",
        "headers": {"Authorization": "Basic eDp5", "X-Api-Key": "k", "Accept": "json"},
        "rows": [{"new_password": "p", "nested": {"Cookie": "c", "email": "x@y.example"}}],
        "card_number": 4111,
        "user_id": "u-1",
        "status": 200,
        "raw": b"Bearer zzz",
    }
    masked = mask_event(None, "info", event)
    assert masked == {
        "event": "failed for ***",
        "headers": {"Authorization": "***", "X-Api-Key": "***", "Accept": "json"},
        "rows": [{"new_password": "***", "nested": {"Cookie": "***", "email": "***"}}],
        "card_number": "***",
        "user_id": "u-1",
        "status": 200,
        "raw": "Bearer ***",
    }
