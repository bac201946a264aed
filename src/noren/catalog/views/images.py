"""`POST` and `DELETE` `products/{id}/image/`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from noren.catalog.serializers import ImageUploadSerializer, ProductDetailSerializer
from noren.catalog.services import IMAGES, set_image
from noren_kit.api.parsers import FormParser, StrictJsonParser
from noren_kit.files.keeping import keep_file


class ImageActions:
    """The action on the picture of a viewset of products."""

    @extend_schema(
        request={"multipart/form-data": ImageUploadSerializer}, responses=ProductDetailSerializer
    )
    @action(detail=True, methods=["post"], parser_classes=[FormParser, StrictJsonParser])
    def image(self: Any, request: Request, **kwargs: Any) -> Response:
        """Give the product a picture.

        JPEG, PNG or WebP, at most 5 MB, 8,000 pixels a side and 24 million in all. It
        replaces the one that was there. Anybody may read it at `image_url`, which changes with
        the picture, so it may be kept for ever.
        """
        product = self.get_object()
        picture = ImageUploadSerializer.validated(request.data)["image"]
        name = keep_file(picture.content, kind=IMAGES, row=product.pk, extension=picture.extension)
        set_image(product=self.lock(), name=name)
        return self.respond(product.pk)  # type: ignore[no-any-return]

    @extend_schema(request=None, responses={204: None})
    @image.mapping.delete
    def remove_image(self: Any, request: Request, **kwargs: Any) -> Response:
        """Leave the product without a picture."""
        set_image(product=self.lock(), name="")
        self.check_written(self.path_id())
        return Response(status=204)
