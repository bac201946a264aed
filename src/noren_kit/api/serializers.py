"""Serializers of resources: the audit fields, sparse fields, and no silent input."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.fields import empty

from noren_kit.api.fields import (
    AmountField,
    DecimalTextField,
    EmailField,
    FlagField,
    PersonField,
    QuantityField,
    RelatedIdField,
    SlugField,
    TextField,
)
from noren_kit.core.errors import InvalidInput
from noren_kit.db.fields import MoneyField, RatingField
from noren_kit.tenancy.models import TenantModel

# Relations, one after the other, that an expanded path follows.
MOST_EXPANDED = 2
AUDIT_FIELDS = ("created_at", "updated_at", "created_by", "updated_by")
# Faults of one kind that an answer lists at most, and how much of a member's name it repeats;
# the rest is the same mistake.
_MOST_FAULTS, _NAME_SHOWN = 100, 100


class StrictSerializer(serializers.Serializer):
    """Refuses members that it does not know or that are read-only, beside all other faults."""

    @classmethod
    def validated(cls, data: Any) -> Any:
        """The value of a body for something new; raises as `is_valid` does.

        By a serializer that is kept: judging a whole body leaves nothing behind in it, and
        making its fields takes longer. For serializers that ask nothing of their context.
        """
        try:
            return _judge(cls).run_validation(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, dict):
                raise
        judge = cls(data=data)  # Which words it has for what is no object.
        judge.is_valid(raise_exception=True)
        return judge.validated_data

    def to_internal_value(self, data: Any) -> Any:
        faults: dict[str, Any] = self._unwelcome(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, dict):
                faults = {**faults, **error.detail}
            raise serializers.ValidationError(faults or error.detail) from None
        if faults:
            raise serializers.ValidationError(faults)
        return value

    def _unwelcome(self, data: Mapping[str, Any]) -> dict[str, Any]:
        faults: dict[str, Any] = {}
        for name in data:
            field = self.fields.get(name)
            if field is None:
                faults[name[:_NAME_SHOWN]] = [
                    serializers.ErrorDetail(
                        str(_("This field is not known here.")), "unknown_field"
                    )
                ]
            elif field.read_only:
                faults[name] = [
                    serializers.ErrorDetail(str(_("This field can't be written.")), "read_only")
                ]
            if len(faults) == _MOST_FAULTS:
                break
        return faults


@lru_cache(maxsize=256)
def _judge(serializer_class: type[StrictSerializer]) -> StrictSerializer:
    return serializer_class()


class NoInput(StrictSerializer):
    """What a call takes whose path says it all: no body, or an empty object."""


class DynamicFields(serializers.Serializer):
    """`fields=`, `omit=` and `expand=` choose what is shown.

    `ProductSerializer(row, fields=["id", "category"], expand=["category.parent"])`: what is
    expanded stands there whole instead of by its id. `Meta.expandable` says what may be, by the
    serializer that then shows it (`"self"` for its own), two relations deep at most.

    Raises `InvalidInput` naming a field that the serializer does not have, or does not expand.
    """

    def __init__(
        self,
        instance: Any = None,
        data: Any = empty,
        *,
        fields: list[str] | None = None,
        omit: list[str] | None = None,
        expand: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(instance, data, **kwargs)
        self._only, self._omit, self._expand = fields or [], omit or [], expand or []

    @classmethod
    def expandable(cls) -> dict[str, type[DynamicFields]]:
        """The serializers of the relations that may be expanded, by their fields."""
        stated = getattr(getattr(cls, "Meta", None), "expandable", {})
        return {name: cls if target == "self" else target for name, target in stated.items()}

    @classmethod
    def expand_paths(cls, depth: int = MOST_EXPANDED) -> dict[str, type[DynamicFields]]:
        """Every path that `expand=` may name, and the serializer at its end."""
        found: dict[str, type[DynamicFields]] = {}
        for name, target in cls.expandable().items():
            found[name] = target
            if depth > 1:
                deeper = target.expand_paths(depth - 1)
                found.update({f"{name}.{path}": end for path, end in deeper.items()})
        return found

    def get_fields(self) -> dict[str, serializers.Field]:
        declared = super().get_fields()
        for path in self._expand:
            if path not in self.expand_paths():
                message = _("%(name)s can't be expanded.") % {"name": path}
                raise InvalidInput.field("expand", "unknown_field", message)
        for parameter, chosen in (("fields", self._only), ("omit", self._omit)):
            for name in chosen:
                if name not in declared:
                    message = _("There is no field %(name)s.") % {"name": name}
                    raise InvalidInput.field(parameter, "unknown_field", message)
        shown = {
            name: field
            for name, field in declared.items()
            if (not self._only or name in self._only) and name not in self._omit
        }
        return {name: self._expanded(name, field) for name, field in shown.items()}

    def _expanded(self, name: str, field: serializers.Field) -> serializers.Field:
        wanted = [path.partition(".") for path in self._expand]
        deeper = [rest for first, _dot, rest in wanted if first == name]
        if not deeper:
            return field
        target = self.expandable()[name]
        return target(
            expand=[rest for rest in deeper if rest], read_only=True, allow_null=field.allow_null
        )


class ResourceSerializer(StrictSerializer, DynamicFields, serializers.ModelSerializer):
    """A model serializer with `id` and the audit fields added to `Meta.fields`.

    Text is NFC and free of control characters, money has the currency's precision, relations
    accept ids of the tenant alone. What may occur twice is judged by the database (409).
    """

    serializer_related_field = RelatedIdField
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
        models.EmailField: EmailField,
        models.SlugField: SlugField,
        models.TextField: TextField,
        models.BooleanField: FlagField,
        models.IntegerField: QuantityField,
        models.PositiveIntegerField: QuantityField,
        models.BigIntegerField: QuantityField,
        models.PositiveBigIntegerField: QuantityField,
        models.DecimalField: DecimalTextField,
        MoneyField: AmountField,
        RatingField: DecimalTextField,
    }

    def get_field_names(self, declared: Any, info: Any) -> list[str]:
        stated = list(super().get_field_names(declared, info))
        audited = AUDIT_FIELDS if issubclass(self.Meta.model, TenantModel) else ()
        # Shown to those alone who name it, for rows that they will change in bulk.
        version = ("version",) if audited and "version" in self._only else ()
        names = ["id", *stated, *audited, *version]
        return list(dict.fromkeys(names))

    def build_field(self, field_name: str, info: Any, model_class: Any, nested_depth: int) -> Any:
        if field_name in ("created_by", "updated_by"):
            return PersonField, {}
        return super().build_field(field_name, info, model_class, nested_depth)

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        if issubclass(field_class, TextField) and isinstance(model_field, models.TextField):
            kwargs["multiline"] = True
        if issubclass(field_class, AmountField):
            kwargs = {
                name: kwargs[name]
                for name in ("read_only", "required", "allow_null", "min_value", "max_value")
                if name in kwargs
            }
        if issubclass(field_class, DecimalTextField) and isinstance(model_field, RatingField):
            kwargs.update(max_digits=4, decimal_places=2)
        if kwargs.pop("allow_unicode", None) is not None:
            kwargs.setdefault("validators", []).extend(model_field.default_validators)
        return field_class, kwargs

    def get_validators(self) -> list[Any]:
        return list(getattr(getattr(self, "Meta", None), "validators", []))
