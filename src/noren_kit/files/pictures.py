"""Pictures that somebody sends: judged by what they hold, not by what they are called."""

from __future__ import annotations

import io

from django.utils.translation import gettext_lazy as _

from noren_kit.core.errors import InvalidInput

MAX_BYTES = 5 * 1024 * 1024
# A side of 8,000 and 24 million pixels in all: some 100 MB once unpacked.
MAX_SIDE, MAX_PIXELS = 8_000, 24_000_000
EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
# Each costs another pass over all of the picture: a progressive JPEG has some ten, and one that is
# made to take long has thousands (libjpeg-turbo, "Two Issues with the JPEG Standard").
MAX_SCANS, _SCAN = 100, b"\xff\xda"
# JPEG is unpacked at an eighth of its size, which finds what is cut off as well.
_SHRUNK, _JPEG = 8, b"\xff\xd8"


class InvalidPicture(InvalidInput):
    """400: what was sent is no picture, or none that is taken."""

    code = "invalid_image"
    message = _("Give a whole picture in JPEG, PNG or WebP.")


class PictureTooLarge(InvalidPicture):
    code = "image_too_large"
    message = _("A picture may have 8,000 pixels a side and 24 million in all.")


def extension_of(picture: bytes) -> str:
    """`jpg`, `png` or `webp`, for a picture that is whole and of a sensible size.

    Raises `InvalidPicture`.
    """
    # Some megabytes, for those processes alone that are sent pictures.
    from PIL import Image

    if picture.startswith(_JPEG) and picture.count(_SCAN) > MAX_SCANS:
        raise InvalidPicture
    try:
        with Image.open(io.BytesIO(picture), formats=tuple(EXTENSIONS)) as opened:
            kind, (width, height) = str(opened.format), opened.size
            if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
                raise PictureTooLarge
            opened.draft("RGB", (max(1, width // _SHRUNK), max(1, height // _SHRUNK)))
            opened.load()
    except PictureTooLarge:
        raise
    except Exception as error:  # Each format's reader has its own ways to fail.
        raise InvalidPicture from error
    return EXTENSIONS[kind]
