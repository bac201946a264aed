"""How the kit's fields, filters and credentials look in OpenAPI; drf-spectacular finds these."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiFilterExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.plumbing import build_parameter_type
from rest_framework import serializers

from noren_kit.api.fields import AmountField

SHOWN_NUMBER = r"^-?[0-9]+(\.[0-9]+)?$"


class CredentialScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Either an access token or an API key."""

    target_class = "noren_kit.accounts.authentication.CredentialAuthentication"
    name = ["accessToken", "apiKey"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{each: []} for each in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [
            {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Api-Key` and the key, with a space between.",
            },
        ]


class FilterParameters(OpenApiFilterExtension):  # type: ignore[no-untyped-call]
    """Each filter's own `schema`; a filter without one is a fault of the program."""

    target_class = "noren_kit.api.filters.FilterBackend"
    priority = 1  # Before that of django-filter itself.

    def get_schema_operation_parameters(self, auto_schema: Any, *args: Any, **kwargs: Any) -> Any:
        found = []
        for name, filter_ in auto_schema.view.filterset_class.base_filters.items():
            schema = {"minLength": 1, **filter_.schema}
            if schema["type"] != "string" or "enum" in schema:
                del schema["minLength"]
            maximum = filter_.extra.get("max_length")
            if maximum is not None:
                schema["maxLength"] = maximum
            text = filter_.extra.get("help_text") or schema.pop("description", None)
            found.append(build_parameter_type(name, schema, "query", description=text))
        return found


class DecimalSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Decimals are shown as text; a JSON number is read too."""

    target_class = "noren_kit.api.fields.DecimalTextField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        field = self.target
        shape: dict[str, Any] = {"type": "string", "format": "decimal", "pattern": SHOWN_NUMBER}
        if isinstance(field, AmountField):
            shape["examples"] = ["150.00"]
        if direction == "response" or field.read_only:
            return shape
        shape["type"] = ["string", "number"]
        sign = "-?" if field.min_value is None or field.min_value < 0 else ""
        whole, places = field.max_digits - field.decimal_places, field.decimal_places
        shape["pattern"] = rf"^{sign}[0-9]{{1,{whole}}}(\.[0-9]{{1,{places}}})?$"
        bounds = {"minimum": field.min_value, "maximum": field.max_value}
        stated = {name: float(value) for name, value in bounds.items() if value is not None}
        return {**shape, **stated}


class ComputedSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A computed field looks like the field that shows its value."""

    target_class = "noren_kit.api.fields.ComputedField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Any:
        shown = self.target.shown_as
        if isinstance(shown, serializers.Serializer):
            component = auto_schema.resolve_serializer(shown, direction)
            reference = component.ref
            return {"oneOf": [reference, {"type": "null"}]} if shown.allow_null else reference
        return auto_schema._map_serializer_field(shown, direction)


class TextSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Text that must not be blank holds something other than white space."""

    target_class = "noren_kit.api.fields.StringField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        field = self.target
        schema: dict[str, Any] = auto_schema._map_serializer_field(field, direction, True)
        has_own = any(isinstance(each, RegexValidator) for each in field.validators)
        if direction == "request" and not field.allow_blank and not has_own:
            schema["pattern"] = r"\S" if field.trim_whitespace else "."
        return schema
