"""OpenAPI 3.1 of the kit's views: error answers, parameters, and details the generator misses."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

_FAULT_CODES = "For people, in their language; `code` is stable."
ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": _FAULT_CODES,
    "properties": {
        "error": {"type": "boolean", "const": True},
        "status_code": {"type": "integer"},
        "code": {"type": "string"},
        "message": {"type": "string"},
        "details": {"type": "object", "additionalProperties": True},
        "timestamp": {"type": "string", "format": "date-time"},
        "request_id": {"type": "string"},
    },
    "required": [
        "error",
        "status_code",
        "code",
        "message",
        "details",
        "timestamp",
        "request_id",
    ],
}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "details": {"type": "object", "additionalProperties": True},
        "request_id": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail", "code", "request_id"],
}
_ERRORS = {
    "400": "The request is malformed or breaks a rule; `details` names the fields.",
    "401": "Not signed in, or the token is dead.",
    "403": "Not allowed.",
    "404": "No such object.",
    "406": "No accepted format can be given.",
    "409": "A conflict with the present state.",
    "413": "The body is too large.",
    "415": "Only JSON in UTF-8 is read.",
    "503": "Busy or partly down; see `Retry-After`.",
}
_WITH_BODY = ("409", "413", "415")


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "noren_kit.accounts.authentication.TokenAuthentication"
    name = "accessToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class ResourceSchema(AutoSchema):
    """Adds the error answers, and `fields`/`omit` where they work."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        content = {
            "application/json": {"schema": {"$ref": "#/components/schemas/Error"}},
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
        }
        for status, description in _ERRORS.items():
            if status == "404" and "{" not in self.path and self.method != "GET":
                continue
            if status in _WITH_BODY and self.method in ("GET", "HEAD"):
                continue
            operation["responses"].setdefault(
                status, {"description": description, "content": content}
            )
        return operation

    def get_override_parameters(self) -> list[Any]:
        view = self.view
        if getattr(view, "action", None) not in ("list", "retrieve"):
            return []
        from drf_spectacular.utils import OpenApiParameter

        return [
            OpenApiParameter("fields", str, description="Show these fields only, comma-separated."),
            OpenApiParameter("omit", str, description="Leave these fields out, comma-separated."),
        ]

    def get_tags(self) -> list[str]:
        parts = [part for part in self.path.strip("/").split("/") if not part.startswith("{")]
        return [parts[2]] if parts[:2] == ["api", "v1"] else [parts[1] if len(parts) > 1 else "api"]

    def map_renderers(self, attribute: str) -> list[str]:
        return ["application/json"]


def finish_schema(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Adds the shared error schemas, and says plainly that objects are closed for writing."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Error"], schemas["Problem"] = ERROR_SCHEMA, PROBLEM_SCHEMA
    for name, schema in schemas.items():
        if name.endswith("Request") and schema.get("type") == "object":
            schema["additionalProperties"] = False
    return result
