"""Two resources of three attributes each."""

from __future__ import annotations

from noren_kit.api.viewsets import ResourceViewSet
from toy.library.serializers import AuthorSerializer, BookSerializer


class AuthorViewSet(ResourceViewSet):
    serializer_class = AuthorSerializer
    search_fields, ordering_fields = ["name"], ["name"]


class BookViewSet(ResourceViewSet):
    serializer_class = BookSerializer
    search_fields, ordering_fields = ["title", "isbn"], ["title", "pages"]
