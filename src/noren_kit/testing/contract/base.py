# ruff: noqa: S101
"""What the parts of the contract share: two shops, and rows made through the API."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
from django.db import models
from django.urls import resolve

from noren_kit.api.fields import TextField
from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import Client, Shop, make_shop


class ContractBase:
    """States `path`, `create` (a body that makes a row) and `update` (a change to it).

    Rows that a body must name come from `related`; what else a body needs to make a second
    row beside the first comes from `distinct`. Under another resource the path has a placeholder
    (`products/<product>/variants`), and `parent` makes what stands there.
    """

    base: ClassVar[str] = "/api/v1/"
    path: ClassVar[str]
    create: ClassVar[dict[str, Any]]
    update: ClassVar[dict[str, Any]] = {}
    #: Whether only who made a row may change it.
    rows_have_owners: ClassVar[bool] = False
    #: Parameters that leave a test's own rows, where a tenant has others from the start.
    only: ClassVar[dict[str, Any]] = {}
    parent_id: str = str(uuid.UUID(int=1))

    def parent(self, client: Client) -> str:
        """The id of a new row for the path's placeholder, made through `client` (an owner)."""
        raise NotImplementedError

    @property
    def is_nested(self) -> bool:
        return "<" in self.path

    @pytest.fixture(autouse=True)
    def at_home(self, client: Client) -> None:
        if self.is_nested:
            self.parent_id = self.parent(client)

    @contextmanager
    def elsewhere(self, client: Client) -> Iterator[None]:
        """URLs below a parent that `client`, of another shop, has made."""
        home = self.parent_id
        if self.is_nested:
            self.parent_id = self.parent(client)
        try:
            yield
        finally:
            self.parent_id = home

    def related(self, client: Client) -> dict[str, Any]:
        """Members of `create` that name other rows, made through `client` (an owner)."""
        return {}

    def distinct(self, number: int) -> dict[str, Any]:
        """Members that tell the row `number` from the others: all unique texts, numbered."""
        return {
            name: f"{self.create[name]}-{number}"
            for name in self.unique_members()
            if isinstance(self.create.get(name), str)
        }

    # What is under test

    @property
    def url(self) -> str:
        return self.url_below(self.parent_id)

    def url_below(self, parent: object) -> str:
        return f"{self.base}{re.sub('<[a-z_]+>', str(parent), self.path)}/"

    def row_url(self, row: dict[str, Any] | uuid.UUID) -> str:
        return f"{self.url}{row['id'] if isinstance(row, dict) else row}/"

    @property
    def view(self) -> Any:
        return resolve(self.url).func.cls  # type: ignore[attr-defined]

    @property
    def model(self) -> type[models.Model]:
        model: type[models.Model] = self.view.resource_model()
        return model

    def verbs(self) -> dict[str, set[str]]:
        """Offered verbs by kind of route: "list" and "detail"."""
        offered = {}
        for kind, url in (("list", self.url), ("detail", self.row_url(uuid.UUID(int=1)))):
            actions = set(resolve(url).func.actions)  # type: ignore[attr-defined]
            offered[kind] = actions & set(self.view.http_method_names) - {"head"}
        return offered

    def write_fields(self) -> dict[str, Any]:
        """Serializer fields that a body may hold when a row is made."""
        serializer = (self.view.write_serializer_class or self.view.serializer_class)()
        return {name: field for name, field in serializer.fields.items() if not field.read_only}

    def unique_members(self) -> list[str]:
        """Members of a body that are unique in the tenant, by themselves or together."""
        found: list[str] = []
        for constraint in self.model._meta.constraints:
            if isinstance(constraint, models.UniqueConstraint):
                found += [name for name in constraint.fields if name in self.create]
        return list(dict.fromkeys(found))

    def text_member(self) -> str:
        """A member of a body that is plain text."""
        fields = self.write_fields()
        return next(name for name in self.create if isinstance(fields[name], TextField))

    # People and rows

    @pytest.fixture
    def shop(self) -> Shop:
        return make_shop()

    @pytest.fixture
    def neighbour(self) -> Shop:
        return make_shop()

    @pytest.fixture
    def client(self, shop: Shop) -> Client:
        return shop.client()

    @pytest.fixture
    def body(self, client: Client) -> dict[str, Any]:
        """A whole body, ready to be sent."""
        return {**self.create, **self.related(client)}

    def make(self, client: Client, body: dict[str, Any]) -> dict[str, Any]:
        """Make a row, by a whole body."""
        response = client.post(self.url, body)
        assert response.status_code == 201, response.json()
        made: dict[str, Any] = response.json()
        return made

    def make_many(
        self, client: Client, body: dict[str, Any], count: int, start: int = 1
    ) -> list[dict[str, Any]]:
        numbers = range(start, start + count)
        return [self.make(client, {**body, **self.distinct(number)}) for number in numbers]

    def rows(self, client: Client, **parameters: Any) -> list[dict[str, Any]]:
        """The rows of one page of the list."""
        found: list[dict[str, Any]] = self.page(client, **parameters)["results"]
        return found

    def page(self, client: Client, **parameters: Any) -> dict[str, Any]:
        """One page of the list, whole."""
        response = client.get(self.url, {**parameters, **self.only})
        assert response.status_code == 200, response.json()
        found: dict[str, Any] = response.json()
        return found

    def ids(self, client: Client, **parameters: Any) -> list[str]:
        return [row["id"] for row in self.rows(client, **parameters)]

    def refused(self, response: Any, name: str, code: str | None = None) -> None:
        """Assert a 400 whose details name `name`."""
        __tracebackhide__ = True
        details = assert_error(response, 400, "validation_error")
        assert name in details, details
        if code is not None:
            assert code in {fault["code"] for fault in details[name]}, details
