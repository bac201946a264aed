"""The library over HTTP."""

from __future__ import annotations

from noren_kit.api.serializers import ResourceSerializer
from toy.library.models import Author, Book


class AuthorSerializer(ResourceSerializer):
    class Meta:
        model = Author
        fields = ["name"]


class BookSerializer(ResourceSerializer):
    class Meta:
        model = Book
        fields = ["title", "isbn", "pages", "lent", "author"]
