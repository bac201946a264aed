"""Reservations over HTTP: goods held before they are ordered."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from noren.orders.models import Reservation
from noren.orders.serializers import ReservationSerializer, ReservationWriteSerializer
from noren.orders.services import release_reservation
from noren_kit.accounts.row_rules import OwnRows
from noren_kit.api.viewsets import ResourceViewSet
from noren_kit.softdelete.deleting import soft_delete


class ReservationViewSet(ResourceViewSet):
    """What was reserved does not change: it is used by an order, released, or expires."""

    # They expire without anything being written.
    cached = False
    serializer_class = ReservationSerializer
    write_serializer_class = ReservationWriteSerializer
    ordering_fields = ["expires_at"]
    action_rights = {"release": "orders.change_reservation"}
    row_rules = [OwnRows("created_by")]
    bodiless_actions = ("destroy", "release")
    http_method_names = ["get", "post", "delete", "head"]
    not_bulk = "each holds stock under its locks, in a transaction as short as can be"
    not_restored = "what was let go is not held again: reserve anew"

    @extend_schema(request=None, responses=ReservationSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """Let the goods go."""
        release_reservation(self.path_id())
        return self.respond(self.path_id())

    def perform_destroy(self, row: Reservation) -> None:
        release_reservation(row.id)
        soft_delete(row)
