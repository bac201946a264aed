"""Which serializers are compiled, and that the others are shown by the framework, and say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.db.models import Q
from rest_framework import serializers
from toy.library.models import Author, Book

from noren_kit.accounts.models import Role, User
from noren_kit.api.envelope import dumps
from noren_kit.api.fields import ComputedField, PersonField, RelatedIdField, SlugsField
from noren_kit.api.reading import Representation, plan_for, read_by_framework, read_rows
from noren_kit.api.serializers import ResourceSerializer
from noren_kit.endpoints.members import MemberSerializer
from noren_kit.endpoints.roles import RoleSerializer
from noren_kit.endpoints.tenants import TenantSerializer
from noren_kit.testing.shops import Shop, make_shop


class InsideSerializer(serializers.ModelSerializer):
    """Inside of another."""

    made_by = PersonField(source="created_by")

    class Meta:
        model = Author
        fields = ["id", "name", "made_by"]


class OutwardSerializer(serializers.Serializer):
    title = serializers.CharField()
    writer = serializers.CharField(source="author.name")


class EveryKindSerializer(ResourceSerializer):
    """Of each kind of field that is compiled, one."""

    number = serializers.CharField(source="isbn")
    length = serializers.IntegerField(source="pages")
    author = RelatedIdField(read_only=True)
    author_id = serializers.UUIDField(read_only=True)
    author_name = serializers.CharField(source="author.name")
    day = serializers.DateTimeField(source="created_at", format="%Y-%m-%d")
    maker = serializers.CharField(source="created_by.username", allow_null=True)
    picked = serializers.ChoiceField(choices=["a"], source="title")
    written_by = InsideSerializer(source="author")
    outward = OutwardSerializer(source="*")
    both = ComputedField(
        "{} {}".format, reads=["title", "author.name"], shown_as=serializers.CharField()
    )
    secret = serializers.CharField(write_only=True)

    class Meta:
        model = Book
        fields = [
            *("title", "lent", "pages", "number", "length", "author", "author_id", "author_name"),
            *("day", "maker", "picked", "written_by", "outward", "both", "secret"),
        ]


class ShelfSerializer(serializers.ModelSerializer):
    """A book on its author's shelf, by a name of its own where its author is shown too."""

    author = InsideSerializer()

    class Meta:
        model = Book
        fields = ["id", "title", "author"]
        shown = Q(lent=False)
        ordering: ClassVar[list[str]] = ["-pages", "id"]
        most = 2


class AuthorWithBooksSerializer(ResourceSerializer):
    books = ShelfSerializer(many=True, read_only=True)

    class Meta:
        model = Author
        fields = ["name", "books"]


class AuthorWithTitlesSerializer(ResourceSerializer):
    books = SlugsField("title", many=True, read_only=True)

    class Meta:
        model = Author
        fields = ["name", "books"]


class AuthorWithMakersSerializer(ResourceSerializer):
    makers = SlugsField("author__name", source="books", many=True, read_only=True)

    class Meta:
        model = Author
        fields = ["name", "makers"]


class BookWithItsShelfSerializer(ResourceSerializer):
    """A row with what hangs on another one that it refers to."""

    class Inside(serializers.ModelSerializer):
        books = SlugsField("title", many=True, read_only=True)

        class Meta:
            model = Author
            fields = ["name", "books"]

    author = Inside()

    class Meta:
        model = Book
        fields = ["title", "author"]


class WithMethod(ResourceSerializer):
    shout = serializers.SerializerMethodField()

    def get_shout(self, row: Book) -> str:
        return row.title.upper()

    class Meta:
        model = Book
        fields = ["shout"]


class WithOwnWay(ResourceSerializer):
    def to_representation(self, instance: Any) -> Any:
        return {**super().to_representation(instance), "further": 1}

    class Meta:
        model = Book
        fields = ["title"]


class WithOwnWayInside(ResourceSerializer):
    class Inside(InsideSerializer):
        def to_representation(self, instance: Any) -> Any:
            return instance.name

    author = Inside()

    class Meta:
        model = Book
        fields = ["title", "author"]


class WithOwnField(ResourceSerializer):
    class Field(serializers.CharField):
        def get_attribute(self, instance: Any) -> Any:
            return instance.title[::-1]

    backwards = Field()

    class Meta:
        model = Book
        fields = ["backwards"]


class WithProperty(ResourceSerializer):
    made_by = serializers.CharField(source="created_by.display_name", allow_null=True)

    class Meta:
        model = Book
        fields = ["title", "made_by"]


class WithMethodAsSource(ResourceSerializer):
    words = serializers.CharField(source="author.__str__")

    class Meta:
        model = Book
        fields = ["title", "words"]


class WithWhatMayBeMissing(ResourceSerializer):
    """Left out of a row that nobody made."""

    maker = serializers.CharField(source="created_by.username", read_only=True)

    class Meta:
        model = Book
        fields = ["title", "maker"]


class Backwards(serializers.ListSerializer):
    def to_representation(self, data: Any) -> Any:
        return super().to_representation(data.all().order_by("-title"))


class WithOwnList(ResourceSerializer):
    class Inside(serializers.ModelSerializer):
        class Meta:
            model = Book
            fields = ["title"]
            list_serializer_class = Backwards

    books = Inside(many=True, read_only=True)

    class Meta:
        model = Author
        fields = ["name", "books"]


class WithRelatedIds(ResourceSerializer):
    books = serializers.PrimaryKeyRelatedField(many=True, read_only=True)

    class Meta:
        model = Author
        fields = ["name", "books"]


class WithRelatedTexts(ResourceSerializer):
    books = serializers.StringRelatedField(many=True)

    class Meta:
        model = Author
        fields = ["name", "books"]


class WithOtherRows(ResourceSerializer):
    """Those that a condition beyond equalities leaves."""

    class Inside(serializers.ModelSerializer):
        class Meta:
            model = Book
            fields = ["title"]
            shown = Q(pages__gt=1) | Q(lent=True)

    books = Inside(many=True, read_only=True)

    class Meta:
        model = Author
        fields = ["name", "books"]


class OfNoModel(serializers.Serializer):
    title = serializers.CharField()
    writer = serializers.CharField(source="author.name")


COMPILED = [
    EveryKindSerializer,
    AuthorWithBooksSerializer,
    AuthorWithTitlesSerializer,
    BookWithItsShelfSerializer,
    AuthorWithMakersSerializer,
    InsideSerializer,
    ShelfSerializer,
    RoleSerializer,
    MemberSerializer,
    TenantSerializer,
]
ORDERED = [
    AuthorWithBooksSerializer,
    AuthorWithTitlesSerializer,
    AuthorWithMakersSerializer,
    BookWithItsShelfSerializer,
    MemberSerializer,
]
NOT_COMPILED = [
    WithMethod,
    WithOwnWay,
    WithOwnWayInside,
    WithOwnField,
    WithProperty,
    WithMethodAsSource,
    WithWhatMayBeMissing,
    WithOwnList,
    WithRelatedIds,
    WithRelatedTexts,
    WithOtherRows,
    OfNoModel,
]


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A library with books of every kind: lent, deleted, of a deleted author, made by nobody."""
    made = make_shop()
    nameless = User.objects.create_user("nameless")
    with made.entered("staff"):
        Role.objects.create(slug="own", name="自前", permissions=["library.view_book", 'é"\\'])
        authors = [Author.objects.create(name=name) for name in ("漱石", 'O"Neill\\', "", "None")]
        for number in range(12):
            book = Book.objects.create(
                title=f"{number % 5} 👩‍👩‍👧 e\u0301",
                isbn=str(number),
                pages=number // 3,
                lent=number % 4 == 0,
                author=authors[number % 3],
            )
            maker = (nameless.id, None, book.created_by_id)[number % 3]
            gone = book.created_at if number == 7 else None
            Book.every.filter(id=book.id).update(created_by=maker, deleted_at=gone)
        Author.every.filter(id=authors[2].id).update(deleted_at=book.created_at)
        yield made


def of(serializer: Any) -> Any:
    meta = getattr(serializer, "Meta", None)
    return (Book if meta is None else meta.model)._default_manager.order_by("-id")


@pytest.mark.parametrize("serializer", COMPILED, ids=lambda each: each.__name__)
def test_compiled_is_what_the_framework_shows(serializer: Any, shop: Shop) -> None:
    representation, rows = Representation(serializer), of(serializer)
    assert plan_for(representation) is not None
    shown = [each.shown for each in read_rows(rows, representation)]
    assert shown
    assert dumps(shown) == dumps([each.shown for each in read_by_framework(rows, serializer())])
    if serializer not in ORDERED:  # DRF knows nothing of their order and number.
        assert dumps(shown) == dumps(serializer(rows, many=True).data)


@pytest.mark.parametrize("serializer", NOT_COMPILED, ids=lambda each: each.__name__)
def test_the_rest_is_shown_by_the_framework_and_says_so(
    serializer: Any, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    representation, rows = Representation(serializer), of(serializer)
    with caplog.at_level("WARNING", "noren.reading"):
        shown = [each.shown for each in read_rows(rows, representation)]
        assert plan_for(representation) is None
        read_rows(rows, representation)
    logged = [each.getMessage() for each in caplog.records if each.name == "noren.reading"]
    assert len(logged) == 1, logged
    assert "not_compiled" in logged[0]
    assert serializer.__name__ in logged[0]
    assert shown
    assert dumps(shown) == dumps([each.shown for each in read_by_framework(rows, serializer())])
    if serializer not in (WithOtherRows, WithRelatedIds, WithRelatedTexts):  # In no stated order.
        assert dumps(shown) == dumps(serializer(rows, many=True).data)


def test_what_may_be_missing_is_left_out(shop: Shop) -> None:
    rows = [
        each.shown
        for each in read_rows(of(WithWhatMayBeMissing), Representation(WithWhatMayBeMissing))
    ]
    assert {"maker" in each for each in rows} == {True, False}


def test_no_more_than_most_and_no_others(shop: Shop) -> None:
    rows = [
        each.shown
        for each in read_rows(Author.objects.all(), Representation(AuthorWithBooksSerializer))
    ]
    assert sorted(len(each["books"]) for each in rows) == [0, 2, 2]
    for author in rows:
        assert {book["author"]["name"] for book in author["books"]} <= {author["name"]}
