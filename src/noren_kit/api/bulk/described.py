"""Bulk calls in the OpenAPI document: what they take and what they answer, by resource."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from noren_kit.api.bulk.batches import ALL_OR_NONE, MODES
from noren_kit.api.bulk.versions import RowReference, version_field
from noren_kit.api.bulk.views import MODE
from noren_kit.api.fields import IdField
from noren_kit.core.conf import conf

_DONE = {"bulk_create": "created", "bulk_update": "updated", "bulk_destroy": "deleted"}
_ERRORS = "Faults of rows that were left out, by their place in the request."


class DeletedRowSerializer(serializers.Serializer):
    """A row that was deleted."""

    id = serializers.UUIDField()


class BulkSchema:
    """What of an operation's description is different for many rows at once."""

    view: Any
    method: str

    @property
    def is_bulk(self) -> bool:
        return getattr(self.view, "action", None) in _DONE

    def get_request_serializer(self) -> Any:
        if self.is_bulk:
            return request_of(self.view)(many=True)
        return super().get_request_serializer()  # type: ignore[misc]

    def get_response_serializers(self) -> Any:
        if not self.is_bulk:
            return super().get_response_serializers()  # type: ignore[misc]
        answer = answer_of(self.view)
        return {201: answer, 200: answer} if self.view.action == "bulk_create" else {200: answer}

    def _get_request_body(self, direction: str = "request") -> Any:
        if not self.is_bulk:
            return super()._get_request_body(direction)  # type: ignore[misc]
        # The generator knows of no body of DELETE (RFC 9110, section 9.3.5, has it undefined).
        method, self.method = self.method, "POST"
        body = super()._get_request_body(direction)  # type: ignore[misc]
        self.method = method
        for content in body["content"].values():
            content["schema"].update(minItems=1, maxItems=conf.MAX_BULK_ROWS)
        return body

    def mode_parameter(self) -> OpenApiParameter:
        text = "Whether a fault of one row undoes all, or the others are written."
        schema = {"type": "string", "enum": list(MODES), "default": ALL_OR_NONE}
        return OpenApiParameter(MODE, schema, description=text)


class RowsDeletedSerializer(serializers.Serializer):
    """What was done, in the order of the rows."""

    deleted_count = serializers.IntegerField()
    results = DeletedRowSerializer(many=True)
    errors: Any = serializers.DictField(child=serializers.JSONField(), help_text=_ERRORS)


def request_of(view: Any) -> Any:
    """The serializer of one row of a view's present bulk call."""
    if view.action == "bulk_destroy":
        return RowReference
    serializer = view.get_serializer_class()
    return _with_reference(serializer) if view.action == "bulk_update" else serializer


@lru_cache(maxsize=256)
def _with_reference(serializer: Any) -> Any:
    """The serializer of a change, with the id and the version that say of what."""
    base = serializer.__name__.removesuffix("Serializer")

    def get_fields(self: Any) -> dict[str, serializers.Field]:
        fields: dict[str, serializers.Field] = serializer.get_fields(self)
        for field in fields.values():
            field.required = False
        return {**fields, "id": IdField(), "version": version_field()}

    members = {
        "__doc__": f"A change to one of many: {serializer.__doc__ or base}",
        "get_fields": get_fields,
    }
    return type(f"{base}RowSerializer", (serializer,), members)


def answer_of(view: Any) -> Any:
    """The serializer of what a view's present bulk call answers."""
    return _answer(view.serializer_class, view.action)


@lru_cache(maxsize=256)
def _answer(serializer: Any, action: str) -> Any:
    if action == "bulk_destroy":
        return RowsDeletedSerializer
    done, base = _DONE[action], serializer.__name__.removesuffix("Serializer")
    members = {
        "__doc__": "What was done, in the order of the rows.",
        f"{done}_count": serializers.IntegerField(),
        "results": serializer(many=True),
        "errors": serializers.DictField(child=serializers.JSONField(), help_text=_ERRORS),
    }
    return type(f"{base}{done.title()}Serializer", (serializers.Serializer,), members)
