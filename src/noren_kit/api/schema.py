"""OpenAPI 3.1 of the kit's views: names, texts, error answers, and closed request objects.

What the running server does beyond this document is a fault of one of the two;
tests/flows/test_schemathesis.py compares them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, cast

import uritemplate
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_lib_doc_excludes
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.serializers import ListSerializer

from noren_kit.accounts.permissions import PlatformStaff
from noren_kit.api import schema_fields, serializers, viewsets
from noren_kit.api.bin import DELETED
from noren_kit.api.bulk.described import BulkSchema
from noren_kit.api.filters import OrderingBackend
from noren_kit.api.parameters import AS_OF
from noren_kit.api.retries import HEADER as IDEMPOTENCY_KEY
from noren_kit.api.schema_parts import (
    ENTITY,
    HEADERS,
    NOT_MODIFIED,
    PROBES,
    RATE_LIMIT,
    REPLAYED,
    REQUEST_ID,
    RESPONSES,
    SCHEMAS,
    TAG,
    error_reference,
)
from noren_kit.api.versions import FIELD as VERSION
from noren_kit.api.versions import HEADER as IF_MATCH
from noren_kit.api.versions import has_versions

_CRUD = {
    "list": ("List {many}", "Pages by number (`page`) or by cursor (`cursor`), newest first."),
    "retrieve": ("Show {one}", ""),
    "create": ("Create {one}", "Answers with all that was made."),
    "update": ("Replace {one}", "Fields that are left out and not required keep their values."),
    "partial_update": ("Change {one}", "Fields that are left out keep their values."),
    "destroy": ("Delete {one}", "It leaves every list; what is still in use stays (409)."),
    "restore": (
        "Restore {one}",
        "Brings back what was deleted, and what went with it. 409 where something has taken its"
        " unique values meanwhile (`duplicate`), or what it refers to is deleted itself"
        " (`refers_to_deleted`).",
    ),
    "bulk_create": ("Create many {many}", "At most 1,000, each judged as it would be alone."),
    "bulk_update": ("Change many {many}", "At most 1,000, each judged as it would be alone."),
    "bulk_destroy": ("Delete many {many}", "At most 1,000, each judged as it would be alone."),
}
_SPARSE = {"fields": "Show these fields only", "omit": "Leave these fields out"}
_EXPAND = "Show these relations whole instead of by their ids"

_EARLIER = "Show the row as it was at this time; what its history does not tell is null"

_PART, _PAST = "Sparse", "Earlier"


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _words(basename: str, between: str) -> str:
    return basename.replace("-", between).replace("/", between)


class ResourceSchema(BulkSchema, AutoSchema):
    """Names and texts by action, every error answer, and `fields`/`omit` where they work."""

    view: Any

    @property
    def action(self) -> str | None:
        return getattr(self.view, "action", None)

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        for status, response in operation["responses"].items():
            response["description"] = response.get("description") or "Done."
            headers = response.setdefault("headers", {})
            headers.update(REQUEST_ID | RATE_LIMIT)
            if self._takes_key():
                headers.update(REPLAYED)
            if self._writes_version() and status in ("200", "201"):
                headers.update(TAG)
            if status == "201" and not self.is_bulk:
                headers["Location"] = {"$ref": "#/components/headers/Location"}
        if self.method == "GET" and self._has_tag():
            operation["responses"]["200"]["headers"].update(ENTITY)
            operation["responses"]["304"] = NOT_MODIFIED
        for status in self._failures(operation):
            operation["responses"].setdefault(status, error_reference(status))
        return operation

    def _has_tag(self) -> bool:
        cached = getattr(self.view, "cached_actions", ())
        return self.action in ("list", "retrieve") or self.action in cached

    def _takes_key(self) -> bool:
        return self.method != "GET" and getattr(self.view, "offers_retries", False)

    def _writes_version(self) -> bool:
        """Whether the answer shows a row that was written, by the viewset's own way."""
        written = self.action in ("create", "update", "partial_update")
        return written and has_versions(self.view)

    def _compares_version(self) -> bool:
        changes = self.action in ("update", "partial_update", "destroy")
        return changes and has_versions(self.view)

    def _failures(self, operation: dict[str, Any]) -> Iterator[str]:
        signs_in = operation.get("security") == [{}]
        yield from ("400", "401", "403")
        if "{" in self.path or "page" in {each["name"] for each in operation.get("parameters", [])}:
            yield "404"
        yield "406"
        if self.method != "GET":
            if not signs_in:
                yield "409"
            yield from ("413", "415")
        if self._takes_key():
            yield "422"
        if self._compares_version():
            yield from ("412", "428")
        yield from ("429", "500", "503")

    def get_auth(self) -> list[dict[str, Any]]:
        accepted: list[dict[str, Any]] = super().get_auth()
        if PlatformStaff in self.view.permission_classes:
            return [each for each in accepted if "apiKey" not in each]
        return accepted

    def get_operation_id(self) -> str:
        basename = getattr(self.view, "basename", None)
        if basename and self.action:
            return f"{_words(basename, '_')}_{self.action}"
        return str(super().get_operation_id())

    def _documented(self) -> list[str]:
        handler = getattr(self.view, self.action or self.method.lower(), None)
        return [line.strip() for line in (handler.__doc__ or "").strip().splitlines()]

    def get_summary(self) -> str | None:
        if self.action in _CRUD:
            one = _with_article(str(self.view.resource_model()._meta.verbose_name))
            many = _words(self.view.basename, " ")
            return _CRUD[self.action][0].format(one=one, many=many)
        return next((line.rstrip(".") for line in self._documented()), None)

    def get_description(self) -> str:  # type: ignore[override]
        if self.action in _CRUD:
            about = (type(self.view).__doc__ or "").strip()
            texts = [_CRUD[self.action][1], " ".join(about.split())]
            return "\n\n".join(text for text in texts if text) or f"{self.get_summary()}."
        summary, *rest = self._documented() or [""]
        return "\n".join(rest).strip() or summary

    def get_response_serializers(self) -> Any:
        if self.action in ("create", "update", "partial_update", "restore"):
            return self.view.serializer_class
        return super().get_response_serializers()

    def _map_serializer_field(self, field: Any, direction: Any, *args: Any) -> Any:
        schema = super()._map_serializer_field(field, direction, *args)  # type: ignore[no-untyped-call]
        holder = getattr(field, "parent", None)
        if direction == "response" and isinstance(holder, serializers.DynamicFields):
            target = holder.expandable().get(str(field.field_name))
            if target is not None:
                whole = self.resolve_serializer(target, direction).ref
                return {"anyOf": [schema, whole]}
        if isinstance(field, ListSerializer) and direction == "request":
            field = cast("Any", field)
            bounds = {
                "minItems": field.min_length or (None if field.allow_empty else 1),
                "maxItems": field.max_length,
            }
            schema.update({name: bound for name, bound in bounds.items() if bound is not None})
        return schema

    def get_filter_backends(self) -> Any:
        if self.action in getattr(self.view, "filtered_actions", ()):
            return [each for each in self.view.filter_backends if each is not OrderingBackend]
        return self.view.filter_backends if self.action in ("list", "history") else []

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name.removesuffix('List')}Page"

    def get_request_serializer(self) -> Any:
        return None if self.action == "restore" else super().get_request_serializer()

    def get_override_parameters(self) -> list[Any]:
        found = [
            OpenApiParameter(name, OpenApiTypes.UUID, "path", description="The object's id.")
            for name in uritemplate.variables(self.path)
        ]
        if self._has_tag():
            known = "The `ETag` of an answer that the client has: 304 if it still holds."
            schema = {"type": "string", "maxLength": 1000}
            found.append(OpenApiParameter("If-None-Match", schema, "header", description=known))
        found += self._header_parameters()
        if self.action in getattr(self.view, "bulk_actions", ()):
            found.append(self.mode_parameter())
        if self.action in ("list", "retrieve"):
            found += self._bin_parameter()
            shown = list(self.view.get_serializer().fields)
            hidden = [VERSION] if has_versions(self.view) else []
            for name, text in _SPARSE.items():
                one = "(" + "|".join(shown + (hidden if name == "fields" else [])) + ")"
                schema = {"type": "string", "pattern": f"^{one}(,{one})*$"}
                about = f"{text}, comma-separated."
                found.append(OpenApiParameter(name, schema, description=about))
            found += self._expand_parameter()
        if self.action == "retrieve" and self.view.has_history():
            moment = {"type": "string", "format": "date-time", "maxLength": 40}
            found.append(OpenApiParameter(AS_OF, moment, description=_EARLIER))
        return found

    def _bin_parameter(self) -> list[Any]:
        if not self.view.has_bin():
            return []
        text = "Show what was deleted instead, to those who may restore it."
        return [OpenApiParameter(DELETED, OpenApiTypes.BOOL, description=text)]

    def _header_parameters(self) -> list[Any]:
        found = []
        if self._takes_key():
            text = (
                "A new text for each call, the same when it is sent again: it has its effect once."
            )
            schema = {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"}
            found.append(OpenApiParameter(IDEMPOTENCY_KEY, schema, "header", description=text))
        if self._compares_version():
            text = "An `ETag` of the row: 412 unless its version is the present one."
            tag = '"[1-9][0-9]{0,8}(-[0-9a-f]{32})?"'
            schema = {"type": "string", "pattern": f"^({tag}(, {tag})*|\\*)$"}
            found.append(OpenApiParameter(IF_MATCH, schema, "header", description=text))
        return found

    def _expand_parameter(self) -> list[Any]:
        paths = self.view.get_serializer().expand_paths()
        if not paths:
            return []
        one = "(" + "|".join(path.replace(".", r"\.") for path in paths) + ")"
        schema = {"type": "string", "pattern": f"^{one}(,{one})*$"}
        return [OpenApiParameter("expand", schema, description=f"{_EXPAND}, comma-separated.")]

    def get_tags(self) -> list[str]:
        parts = [part for part in self.path.strip("/").split("/") if not part.startswith("{")]
        return [parts[2]] if parts[:2] == ["api", "v1"] else [parts[1] if len(parts) > 1 else "api"]

    def map_renderers(self, attribute: str) -> list[str]:
        return ["application/json"]


# Importing it has registered its extensions.
EXTENSIONS = schema_fields


def kit_texts() -> list[type]:
    """Classes whose docstrings speak to programmers, not to the API's users."""
    classes = [
        serializers.StrictSerializer,
        serializers.ResourceSerializer,
        serializers.DynamicFields,
        serializers.NoInput,
        viewsets.StrictViewMixin,
        viewsets.ResourceViewSet,
    ]
    return [*get_lib_doc_excludes(), *classes]  # type: ignore[no-untyped-call]


def _sparse(reference: dict[str, str], schemas: dict[str, Any]) -> dict[str, Any]:
    """A whole object, or what `fields` and `omit` leave of it."""
    name = reference["$ref"].rpartition("/")[2]
    part = copy.deepcopy(schemas[name])
    part.pop("required", None)
    if "created_by" in part["properties"]:
        part["properties"][VERSION] = {"type": "integer", "minimum": 1, "readOnly": True}
    part["description"] = f"What `fields` and `omit` leave of {name}."
    schemas[_PART + name] = part
    return {"anyOf": [reference, {"$ref": f"#/components/schemas/{_PART}{name}"}]}


def _allow_sparse(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    if "fields" not in {each["name"] for each in operation.get("parameters", [])}:
        return
    content = operation["responses"]["200"]["content"]["application/json"]
    page = schemas[content["schema"]["$ref"].rpartition("/")[2]]
    if "anyOf" not in page:
        content["schema"] = _sparse(content["schema"], schemas)
        return
    for kind in page["anyOf"]:
        results = kind["properties"]["results"]
        if "$ref" in results["items"]:
            results["items"] = _sparse(results["items"], schemas)


def _allow_earlier(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Of an earlier time any member may be null."""
    if AS_OF not in {each["name"] for each in operation.get("parameters", [])}:
        return
    content = operation["responses"]["200"]["content"]["application/json"]
    whole, _part = content["schema"]["anyOf"]
    name = whole["$ref"].rpartition("/")[2]
    earlier = copy.deepcopy(schemas[_PART + name])
    earlier["description"] = f"What is known of {name} as it was."
    earlier["properties"] = {
        member: {"anyOf": [schema, {"type": "null"}]}
        for member, schema in earlier["properties"].items()
    }
    schemas[_PAST + name] = earlier
    content["schema"]["anyOf"].append({"$ref": f"#/components/schemas/{_PAST}{name}"})


def _allow_highlights(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    if "highlight" not in {each["name"] for each in operation.get("parameters", [])}:
        return
    content = operation["responses"]["200"]["content"]["application/json"]
    page = schemas[content["schema"]["$ref"].rpartition("/")[2]]
    highlighted = {"$ref": "#/components/schemas/SparseHighlights"}
    for kind in page["anyOf"]:
        results = kind["properties"]["results"]
        if highlighted not in results["items"].get("allOf", []):
            results["items"] = {"allOf": [results["items"], highlighted]}


def _mend(node: Any) -> None:
    """Two slips of the generator.

    It repeats null in the type of a nullable read-only field. And where a text has a format
    and may be empty it says `oneOf`, of which the empty text is both to those who take a format
    for a comment (JSON Schema 2020-12, section 7.2.1 of the validation vocabulary).
    """
    if isinstance(node, dict):
        if isinstance(node.get("type"), list):
            node["type"] = list(dict.fromkeys(node["type"]))
        if {"type": "string", "maxLength": 0} in node.get("oneOf", []):
            node["anyOf"] = node.pop("oneOf")
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in list(children):
        _mend(child)


def finish_schema(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A spectacular hook: shared parts, probes, sparse answers, closed request objects."""
    components = result.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for path in result["paths"].values():
        for operation in path.values():
            _allow_sparse(operation, schemas)
            _allow_earlier(operation, schemas)
            _allow_highlights(operation, schemas)
    for name, schema in schemas.items():
        if schema.get("type") != "object":
            continue
        if name.endswith("Request"):
            schema["additionalProperties"] = False
        elif not name.startswith((_PART, _PAST)):
            schema["required"] = list(schema["properties"])
    _mend(schemas)
    schemas.update(copy.deepcopy(SCHEMAS))
    components["headers"], components["responses"] = HEADERS, RESPONSES
    result["paths"].update(PROBES)
    for group in ("schemas", "headers", "responses"):
        components[group] = dict(sorted(components[group].items()))
    return result
