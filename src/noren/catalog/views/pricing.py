"""`POST products/bulk_price_update/`: by a list of prices, or by a filter and a rule."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from noren.catalog.models import Product
from noren.catalog.serializers import (
    NewPriceSerializer,
    PriceRuleSerializer,
    PriceUpdateSerializer,
)
from noren.catalog.services import (
    PriceRule,
    PriceStep,
    faulty_steps,
    lock_prices,
    update_products,
    write_prices,
)
from noren_kit.accounts.row_rules import refused_rows
from noren_kit.api.bulk.batches import ALL_OR_NONE, MODES
from noren_kit.api.bulk.judging import judge
from noren_kit.api.bulk.views import MODE
from noren_kit.api.parameters import UNKNOWN_PARAMETER, one_of
from noren_kit.core.errors import InvalidInput, faults_of

# Of a call by filter, what the answer lists of each kind.
MOST_RESULTS, MOST_ERRORS = 1_000, 100


class PriceActions:
    """The action on prices of a viewset of products."""

    @extend_schema(
        request=PolymorphicProxySerializer(
            component_name="BulkPriceUpdate",
            serializers=[NewPriceSerializer(many=True), PriceRuleSerializer],
            resource_type_field_name=None,
            many=False,
        ),
        responses=PriceUpdateSerializer,
    )
    @action(detail=False, methods=["post"], filter_backends=[], pagination_class=None)
    def bulk_price_update(self: Any, request: Request) -> Response:
        """Change many prices at once.

        Give a list of ids and prices, at most 1,000, or an object with a `filter` over products
        and either `percent` or `amount`, which is added to the price of each; new prices are
        rounded as the tenant rounds. No price falls below half of the present one unless the
        caller may override that. `mode` says whether a fault of one row undoes all.
        """
        if isinstance(request.data, list):
            return self._price_rows(request)  # type: ignore[no-any-return]
        return self._price_matching(request)  # type: ignore[no-any-return]

    def _price_rows(self: Any, request: Request) -> Response:
        batch = self.batch(request)
        values = judge(NewPriceSerializer(), batch, dict(enumerate(batch.rows)), {})
        rows = self.locked_rows(batch, batch.take_ids())

        def write(places: list[int]) -> list[PriceStep]:
            steps = [
                PriceStep(rows[place].pk, rows[place].price, values[place]["price"])
                for place in places
            ]
            changes = [(rows[place], {"price": values[place]["price"]}) for place in places]
            update_products(changes=changes)
            return steps

        steps = batch.write(write)
        return _answer(steps, batch.errors(), error_count=len(batch.faults), dry_run=False)

    def _price_matching(self: Any, request: Request) -> Response:
        mode = one_of(request, MODE, MODES)
        stated = PriceRuleSerializer.validated(request.data)
        products = self._matching(stated["filter"])
        rule = PriceRule(stated.get("percent"), stated.get("amount"))
        steps = lock_prices(products, rule)
        ids = [step.product_id for step in steps]
        faults: dict[uuid.UUID, Any] = dict(faulty_steps(steps))
        refused = refused_rows(self.row_rules, Product.objects.all(), self.right(), ids)
        faults.update({pk: faults_of(error) for pk, error in refused.items()})
        if faults and mode == ALL_OR_NONE:
            raise InvalidInput(details={"rows": _listed(faults), "error_count": len(faults)})
        good = [step for step in steps if step.product_id not in faults]
        if good and not stated["dry_run"]:
            write_prices(good)
        return _answer(good, _listed(faults), error_count=len(faults), dry_run=stated["dry_run"])

    def _matching(self: Any, given: dict[str, str]) -> Any:
        """The products that the list's own filters find; raises `InvalidInput`."""
        known = self.filterset_class.base_filters
        fault = [{"code": "unknown_parameter", "message": UNKNOWN_PARAMETER}]
        faults = {name[:100]: fault for name in given if name not in known}
        filterset = self.filterset_class(given, queryset=self.get_queryset())
        if not filterset.is_valid():
            faults.update(filterset.errors.get_json_data())
        if faults:
            raise InvalidInput(details={"filter": faults})
        return filterset.qs


def _listed(faults: dict[Any, Any]) -> dict[str, Any]:
    return {str(key): faults[key] for key in list(faults)[:MOST_ERRORS]}


def _answer(
    steps: list[PriceStep], errors: dict[str, Any], *, error_count: int, dry_run: bool
) -> Response:
    results = [
        {"id": step.product_id, "previous_price": step.before, "price": step.after}
        for step in steps[:MOST_RESULTS]
    ]
    body = {
        "updated_count": len(steps),
        "results": results,
        "errors": {},
        "error_count": error_count,
        "dry_run": dry_run,
    }
    return Response({**PriceUpdateSerializer(body).data, "errors": errors})
