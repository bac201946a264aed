"""What a picture is sent as."""

from __future__ import annotations

from noren_kit.api.serializers import StrictSerializer
from noren_kit.api.upload_fields import PictureField


class ImageUploadSerializer(StrictSerializer):
    """A form with the picture."""

    image = PictureField()
