"""Fields of forms that carry files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from noren_kit.files.pictures import MAX_BYTES, InvalidPicture, extension_of


@dataclass(frozen=True)
class Picture:
    content: bytes
    extension: str


class PictureField(serializers.FileField):
    """A picture in JPEG, PNG or WebP, by what it holds; its value is a `Picture`."""

    default_error_messages = {
        "too_large": _("The picture may have 5 MB at most."),
    }

    def to_internal_value(self, data: Any) -> Any:
        file = super().to_internal_value(data)
        if file.size > MAX_BYTES:
            self.fail("too_large")
        content = file.read()
        try:
            return Picture(content, extension_of(content))
        except InvalidPicture as error:
            raise serializers.ValidationError(error.message, code=error.code) from error
