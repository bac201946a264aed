"""JSON by orjson, and problem documents for those who accept them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer

from noren_kit.api.envelope import JSON, PROBLEM, dumps, problem_body


class JsonRenderer(BaseRenderer):
    media_type = JSON
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else dumps(data)


class ProblemRenderer(JsonRenderer):
    """RFC 9457 for errors; everything else stays plain JSON."""

    media_type = PROBLEM
    format = "problem"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response = (renderer_context or {}).get("response")
        if response is not None and response.status_code >= 400:
            return dumps(problem_body(data))
        if response is not None:
            response["Content-Type"] = JSON
        return super().render(data, accepted_media_type, renderer_context)
