"""The viewset of a plain resource: three attributes, everything else from the kit."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.http import Http404
from rest_framework import serializers, viewsets
from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from noren_kit.accounts.authentication import refuse_named_tenant
from noren_kit.accounts.permissions import ResourcePermission
from noren_kit.api.bin import DELETED, BinnedRows
from noren_kit.api.bulk.views import MODE, BulkRows
from noren_kit.api.cached_answers import CachedAnswers
from noren_kit.api.creating import made
from noren_kit.api.filters import (
    FilterBackend,
    OrderingBackend,
    ResourceFilterSet,
)
from noren_kit.api.history import HISTORY_PARAMETERS, RowHistory
from noren_kit.api.limiting import count_request
from noren_kit.api.nested_rows import NestedRows
from noren_kit.api.pagination import ResourcePagination
from noren_kit.api.parameters import AS_OF, names, parse_id, refuse_unknown
from noren_kit.api.reading import Representation, for_serializer
from noren_kit.api.retries import Replay, begin, keep
from noren_kit.api.ruled_rows import RuledRows
from noren_kit.api.searching import HIGHLIGHT, SearchBackend, search_parameters
from noren_kit.api.serializers import NoInput
from noren_kit.api.showing import SPARSE, ShownRows
from noren_kit.api.splicing import SplicedAnswers
from noren_kit.api.versions import VersionedRows, refuse_unread, tag_written
from noren_kit.core.errors import AppError
from noren_kit.idempotency.keeping import Call
from noren_kit.limits.errors import Throttled
from noren_kit.limits.policies import address_key, caller_limit, limit_named
from noren_kit.softdelete.deleting import soft_delete

_MAKING = ("create", "bulk_create")
_CHANGING = ("update", "partial_update", "bulk_update")


class StrictViewMixin:
    """Refuses query parameters that the action does not know, and bodies that it does not read.

    Counts each request against its caller's limit, or against that of `limit_class`, by
    `limit_key`, where the view states one.
    """

    bodiless_actions: ClassVar[tuple[str, ...]] = ("destroy",)
    counted: bool | Throttled = False
    #: Whether calls may be sent again by an `Idempotency-Key`; where not, one is refused.
    offers_retries: ClassVar[bool] = False
    call: Call | None = None
    limit_class: ClassVar[str | None] = None

    def limit_key(self, request: Request) -> str:
        """What tells callers apart in the view's `limit_class`."""
        return address_key(request._request)

    def perform_authentication(self, request: Request) -> None:
        """Let callers sign in, and count them, whoever they turn out to be."""
        try:
            super().perform_authentication(request)  # type: ignore[misc]
        except (APIException, AppError):
            self._count(request)
            raise
        self._count(request)

    def _count(self, request: Request) -> None:
        if isinstance(self.counted, Throttled):
            raise self.counted
        if self.counted:
            return
        if self.limit_class is None:
            count_request(*caller_limit(request._request))
            return
        limit = limit_named(self.limit_class)
        try:
            key = self.limit_key(request)
        except (APIException, AppError):
            # The body can't be read, which is no way past the limit.
            count_request(f"{limit.name}:{address_key(request._request)}", limit)
            raise
        count_request(f"{limit.name}:{key}", limit)

    def known_parameters(self) -> set[str]:
        return set()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if not self.authentication_classes:  # type: ignore[attr-defined]
            refuse_named_tenant(request)  # As authentication does where there is some.
        try:
            self.call = begin(request, offered=self.offers_retries)
        except Replay as replay:
            self.check_replayed(replay)
            raise
        refuse_unread(request, self)
        refuse_unknown(request, self.known_parameters())
        if getattr(self, "action", None) in (*self.bodiless_actions, "restore"):
            NoInput(data=request.data).is_valid(raise_exception=True)

    def check_replayed(self, replay: Replay) -> None:
        """Raise unless the caller may still have what a call of theirs was answered."""

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, Replay):
            return exc.response
        return super().handle_exception(exc)  # type: ignore[misc]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        finished = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        version = getattr(self, "shown_version", None)
        if version is not None and request.method not in SAFE_METHODS:
            tag_written(version, finished)
        if self.call is not None:
            keep(self.call, finished)
        return finished


class ResourceViewSet(
    RowHistory,
    CachedAnswers,
    BinnedRows,
    BulkRows,
    ShownRows,
    SplicedAnswers,
    RuledRows,
    NestedRows,
    VersionedRows,
    StrictViewMixin,
    viewsets.GenericViewSet,
):
    """List, detail, create, update and delete of one model, for the entered tenant.

    A subclass states `serializer_class`, and as needed: `list_serializer_class`,
    `write_serializer_class`, `update_serializer_class`, `action_serializers` (of extra actions),
    `filterset_class`, `search_fields`, `ordering_fields`, `ordering_paths` (of those that stand
    in a related row: the path of the column, and that of the row's id, which breaks ties),
    `action_rights` (the right of each extra action), `further_rights` (those that its services
    ask for), `row_rules`, `parent_field` (of one under another resource), `bodiless_actions`,
    `filtered_actions` (those that search and filter as the list does), `not_bulk` and
    `not_restored` (why it has no bulk calls or no bin), and `perform_*` hooks that call services.
    Or `make`, a static method that makes the row that `write_serializer_class` has found valid,
    and shows it to its second argument before it locks anything: it lacks nothing then but the
    attributes in `made_last`, which are shown as they are. Such rows are made before the
    framework (`api.creating`).
    """

    offers_retries = True
    permission_classes = [ResourcePermission]
    pagination_class = ResourcePagination
    paginator: ResourcePagination
    filter_backends = [FilterBackend, SearchBackend, OrderingBackend]
    filterset_class: ClassVar[Any] = ResourceFilterSet
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]

    list_serializer_class: ClassVar[Any] = None
    write_serializer_class: ClassVar[Any] = None
    update_serializer_class: ClassVar[Any] = None
    action_serializers: ClassVar[Mapping[str, Any]] = {}
    search_fields: ClassVar[list[str]] = []
    ordering_fields: ClassVar[list[str]] = []
    ordering_paths: ClassVar[Mapping[str, tuple[str, str]]] = {}
    ordering: ClassVar[tuple[str, ...]] = ("-created_at",)
    action_rights: ClassVar[dict[str, str]] = {}
    further_rights: ClassVar[frozenset[str]] = frozenset()
    filtered_actions: ClassVar[tuple[str, ...]] = ()
    make: ClassVar[Any] = None
    made_last: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def resource_model(cls) -> type[models.Model]:
        meta = getattr(cls.serializer_class, "Meta", None)
        if meta is None:
            raise ImproperlyConfigured(f"{cls.__name__} states no serializer of a model.")
        model: type[models.Model] = meta.model
        return model

    @classmethod
    def orderings(cls) -> list[str]:
        """Fields that a client may order by."""
        return list(dict.fromkeys(["created_at", "updated_at", *cls.ordering_fields]))

    def known_parameters(self) -> set[str]:
        filters = set(self.filterset_class.base_filters)
        if self.action in self.filtered_actions:
            return filters | (search_parameters(self) - {HIGHLIGHT})
        if self.action in self.bulk_actions:
            return {MODE}
        if self.action == "history":
            return set(HISTORY_PARAMETERS)
        if self.action not in ("list", "retrieve"):
            return set()
        sparse = set(SPARSE) if self.get_serializer_class().expandable() else {"fields", "omit"}
        if self.has_bin():
            sparse.add(DELETED)
        if self.action == "retrieve":
            return {*sparse, AS_OF} if self.has_history() else sparse
        backends = {"ordering", *(() if self.in_bin else search_parameters(self))}
        return {*ResourcePagination.parameters, *backends, *filters, *sparse}

    # Reading

    def get_serializer_class(self) -> Any:
        if self.action in self.action_serializers:
            return self.action_serializers[self.action]
        if self.action in _CHANGING and self.update_serializer_class:
            return self.update_serializer_class
        if self.action in _MAKING or self.action in _CHANGING:
            return self.write_serializer_class or self.serializer_class
        if self.action == "list":
            return self.list_serializer_class or self.serializer_class
        return self.serializer_class

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        request = getattr(self, "request", None)
        if self.action in ("list", "retrieve") and request is not None:
            kwargs.setdefault("fields", names(request.query_params, "fields"))
            kwargs.setdefault("omit", names(request.query_params, "omit"))
            kwargs.setdefault("expand", names(request.query_params, "expand"))
        return super().get_serializer(*args, **kwargs)

    def get_object(self) -> Any:
        """The row of the path, read for what the action shows; 404 for any other id."""
        return self.read(self.path_id(), self.serializer_class())  # type: ignore[misc]

    def path_id(self) -> uuid.UUID:
        identifier = parse_id(self.kwargs["pk"])
        if identifier is None:
            raise Http404
        return identifier

    def read(self, pk: uuid.UUID, shown: serializers.BaseSerializer) -> Any:
        found = for_serializer(self.get_queryset(), shown).filter(pk=pk).first()
        if found is None:
            raise Http404
        self.check_object_permissions(self.request, found)
        return found

    # Writing

    def respond(self, pk: uuid.UUID, status: int = 200) -> Response:
        """The full representation of a row that was written, read again as a GET would."""
        self.check_written(pk)
        headers = {}
        if status == 201:
            headers["Location"] = self.request.build_absolute_uri(f"{self.request.path}{pk}/")
        shown = self.shown(pk, Representation(self.serializer_class))
        return Response(shown, status=status, headers=headers)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if type(self).make is not None:
            return self._made(*made(type(self), request.data))
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self.respond(self.perform_create(serializer).pk, status=201)

    def _made(self, row: Any, shown: dict[str, Any]) -> Response:
        self.check_written(row.pk)
        location = self.request.build_absolute_uri(f"{self.request.path}{row.pk}/")
        self.shown_version = getattr(row, "version", None)
        return Response(shown, status=201, headers={"Location": location})

    def lock(self) -> Any:
        """The row of the path, locked until the transaction ends, so that no change is lost."""
        rows = self.get_queryset().select_for_update(no_key=True, of=("self",))
        locked = rows.filter(pk=self.path_id()).first()
        if locked is None:
            raise Http404
        if self.row_rules:
            self.check_row(locked.pk)  # It may have changed while it was waited for.
        self.check_object_permissions(self.request, locked)
        return locked

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.lock()
        self.check_precondition(row)
        partial = self.action == "partial_update"
        serializer = self.get_serializer(row, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return self.respond(self.perform_update(serializer).pk)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        self.check_before_deleting(row)
        self.perform_destroy(row)
        self.check_written(row.pk)
        return Response(status=204)

    def perform_create(self, serializer: Any) -> Any:
        return serializer.save(**self.values_of_path())

    def perform_update(self, serializer: Any) -> Any:
        return serializer.save()

    def perform_destroy(self, row: Any) -> None:
        soft_delete(row)
