"""Each rule of docs/guides/import-online-retail.md, on files of a few lines."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from retail_files import bring_in, entered, issues, movements, orders, row

from noren.catalog.models import Product
from noren.imports.online_retail.reconciling import Share
from noren.inventory.queries import find_differences
from noren.orders.models import Customer, OrderReturn
from noren.orders.queries import find_unexplained_lines, list_timeline
from noren.orders.queries.verifying import (
    find_overreturned_lines,
    find_wrong_payments,
    find_wrong_rates,
    find_wrong_returns,
    find_wrong_totals,
)
from noren_kit.accounts.provisioning import create_tenant
from noren_kit.outbox.models import Event
from noren_kit.tenancy.models import Tenant

CHECKS = (
    *(find_differences, find_unexplained_lines, find_wrong_totals, find_wrong_rates),
    *(find_wrong_payments, find_wrong_returns, find_overreturned_lines),
)
LATER = "2010-12-02 09:00:00"


def products():
    with entered():
        found = Product.objects.select_related("category", "stock_item")
        return {product.sku: product for product in found}


def returns():
    """Number of the credit, of the order, units by code, and what was credited."""
    with entered():
        found = OrderReturn.objects.select_related("order")
        return sorted(
            (
                each.external_number,
                each.order.external_number,
                list(each.lines.values_list("order_line__sku", "quantity")),
                each.gross,
            )
            for each in found
        )


def steps_of(order):
    with entered():
        return [step.to_status or step.kind for step in list_timeline(order.id)]


def assert_verified():
    with entered():
        for check in CHECKS:
            assert list(check()) == [], check.__name__


def test_an_invoice_becomes_an_order_with_its_own_number_time_names_and_prices(tmp_path):
    bring_in(
        tmp_path,
        row("536365", "85123A", 6, "2.55", name="WHITE HANGING HEART"),
        row("536365", "71053", 2, "3.39"),
    )
    order = orders()["536365"]
    assert (order.kind, order.status, order.payment_status) == ("sale", "delivered", "paid")
    assert order.order_number is None
    assert order.placed_at == dt.datetime(2010, 12, 1, 8, 26, tzinfo=dt.UTC)
    assert (order.total_amount, order.tax_amount) == (Decimal("22.08"), 0)
    assert (order.item_count, order.shipping_address) == (8, "United Kingdom")
    assert order.customer_name == order.customer.name == "Customer 17850 (United Kingdom)"
    lines = [(line.sku, line.name, line.quantity, line.unit_price) for line in order.lines.all()]
    assert lines == [
        ("85123A", "WHITE HANGING HEART", 6, Decimal("2.55")),
        ("71053", "THING 71053", 2, Decimal("3.39")),
    ]
    (tax,) = order.taxes.all()
    assert (tax.rate, tax.net, tax.tax, tax.gross) == (0, Decimal("22.08"), 0, Decimal("22.08"))


def test_times_are_british_local_time(tmp_path):
    bring_in(tmp_path, row("1", "A", 1, time="2011-07-01 12:00:00"))
    assert orders()["1"].placed_at == dt.datetime(2011, 7, 1, 11, tzinfo=dt.UTC)


def test_a_new_tenant_trades_in_pounds_and_an_event_is_never_published(tmp_path):
    bring_in(tmp_path, row("1", "A", 1))
    tenant = Tenant.objects.get(slug="uci")
    assert (tenant.currency, tenant.standard_tax_rate) == ("GBP", 20)
    with entered():
        assert not Event.objects.exists()


def test_opening_stock_is_the_least_that_never_runs_out_in_the_order_of_the_file(tmp_path):
    bring_in(
        tmp_path,
        row("C1", "A", -2),
        row("2", "A", 10),
        row("C3", "A", -4),
        row("4", "A", 1),
        row("5", "B", 3),
    )
    assert movements("A") == [
        ("received", 8, "opening stock of an import"),
        ("returned", 2, ""),
        ("sold", -10, ""),
        ("returned", 4, ""),
        ("sold", -1, ""),
    ]
    assert {sku: product.stock_item.on_hand for sku, product in products().items()} == {
        "A": 3,
        "B": 0,
    }


def test_the_closing_stock_may_be_stated(tmp_path):
    bring_in(tmp_path, row("1", "A", 10), row("2", "B", 10), row("C3", "B", -30), closing_stock=5)
    assert movements("A")[0] == ("received", 15, "opening stock of an import")
    stock = {sku: product.stock_item.on_hand for sku, product in products().items()}
    assert stock == {"A": 5, "B": 30}


def test_invoices_without_a_customer_are_one_guests(tmp_path):
    bring_in(tmp_path, row("1", "A", 1, customer=""), row("2", "A", 1, customer=""))
    with entered():
        assert Customer.objects.get().external_id == "guest"
    assert orders()["1"].customer_id == orders()["2"].customer_id


def test_a_customer_is_called_by_the_last_country(tmp_path):
    bring_in(
        tmp_path,
        row("1", "A", 1, customer="12431", country="Australia"),
        row("2", "A", 1, customer="12431", country="Belgium"),
    )
    with entered():
        assert Customer.objects.get().name == "Customer 12431 (Belgium)"
    assert orders()["1"].customer_name == "Customer 12431 (Australia)"


def test_an_invoice_with_several_times_has_the_earliest_even_where_lines_stray(tmp_path):
    bring_in(
        tmp_path,
        row("1", "A", 1, time="2011-02-01 11:20:00"),
        row("2", "B", 1, time="2011-02-01 11:20:00"),
        row("1", "C", 5, time="2011-02-01 11:19:00"),
        row("2", "D", 1, time="2011-02-01 11:21:00"),
    )
    found = orders()
    assert found["1"].placed_at == dt.datetime(2011, 2, 1, 11, 19, tzinfo=dt.UTC)
    assert [line.sku for line in found["1"].lines.all()] == ["A", "C"]
    assert [line.sku for line in found["2"].lines.all()] == ["B", "D"]


def test_zero_prices_are_sold_for_nothing(tmp_path):
    bring_in(tmp_path, row("1", "A", 5, "0.0"))
    assert orders()["1"].total_amount == 0
    product = products()["A"]
    assert (product.price, product.status) == (Decimal("0.01"), "draft")


@pytest.mark.parametrize("refused", ["A563185", "A563186"])
def test_adjustments_of_bad_debt_go_into_the_report(tmp_path, refused):
    price = "11062.06" if refused.endswith("5") else "-11062.06"
    result = bring_in(tmp_path, row("1", "A", 1), row(refused, "B", 1, price))
    assert issues() == [(3, "bad_debt")]
    assert "B" not in products()
    report = result.reconciliation.shares[-1]
    assert (report.lines, report.units, report.amount) == (1, 1, Decimal(price))


def test_prices_finer_than_a_penny_go_into_the_report_and_the_rest_comes_in(tmp_path):
    bring_in(
        tmp_path,
        row("1", "PADS", 1, "0.001"),
        row("1", "A", 2, "0.850"),
        row("2", "BANK CHARGES", 1, "0.001"),
    )
    assert issues() == [(2, "price_precision"), (4, "price_precision")]
    assert orders()["1"].total_amount == Decimal("1.70")
    assert "2" not in orders()


def test_codes_that_differ_in_case_are_different_products(tmp_path):
    bring_in(tmp_path, row("1", "85123A", 1), row("1", "85123a", 2))
    assert set(products()) == {"85123A", "85123a"}


def test_pseudo_codes_are_charges_that_are_not_on_sale(tmp_path):
    codes = ["POST", "M", "m", "D", "DOT", "AMAZONFEE", "BANK CHARGES", "gift_0001_20"]
    bring_in(tmp_path, *[row("1", code, 1) for code in codes], row("1", "DCGS0003", 1))
    found = products()
    assert {found[code].category.name for code in codes} == {"Charges and services"}
    assert {found[code].status for code in codes} == {"archived"}
    goods = found["DCGS0003"]
    assert (goods.category.name, goods.category.tax_rate, goods.status) == ("Goods", 0, "active")


def test_of_several_names_and_prices_the_most_frequent_are_the_products(tmp_path):
    bring_in(
        tmp_path,
        row("1", "A", 1, "2.00", name="LANTERN"),
        row("2", "A", 1, "2.00", name="LANTERN, RED"),
        row("3", "A", 1, "9.00", name="LANTERN, RED"),
        row("4", "A", 1, "9.00", name="LAMP"),
        row("5", "A", -1, "0.0", name="damaged"),
        row("6", "A", 1, "0.0", name="check"),
        row("7", "A", 1, "0.0", name="check"),
        row("8", "A", 1, "0.0", name=""),
    )
    product = products()["A"]
    assert (product.name, product.price) == ("LANTERN, RED", Decimal("9.00"))
    found = orders()
    assert [found[each].lines.all()[0].name for each in "1468"] == [
        "LANTERN",
        "LAMP",
        "check",
        "LANTERN, RED",
    ]


def test_a_code_that_is_never_named_is_its_own_name(tmp_path):
    bring_in(tmp_path, row("1", "72732", 1, "0.0", name=""), row("2", "X", 1, "0.0", name="check"))
    assert (products()["72732"].name, products()["X"].name) == ("72732", "X")


def test_stock_losses_leave_the_stock_and_are_no_orders(tmp_path):
    bring_in(
        tmp_path,
        row("1", "A", 2),
        row("536589", "A", -10, "0.0", name="damaged", customer=""),
        row("536590", "A", -3, "0.0", name="", customer=""),
    )
    assert set(orders()) == {"1"}
    assert movements("A") == [
        ("received", 15, "opening stock of an import"),
        ("sold", -2, ""),
        ("adjusted", -10, "damaged"),
        ("adjusted", -3, "no reason in the file"),
    ]


def test_cancellations_are_credits_and_count_against_sales(tmp_path):
    bring_in(
        tmp_path,
        row("C1", "A", -1, "2.00"),
        row("2", "A", 5, "2.00"),
        row("C3", "B", -4, "1.00"),
        row("4", "B", 1, "1.00"),
    )
    credit = orders()["C1"]
    assert (credit.kind, credit.status, credit.payment_status) == ("credit", "returned", "refunded")
    assert (credit.item_count, credit.total_amount) == (-1, Decimal("-2.00"))
    assert {sku: product.stock_item.sold for sku, product in products().items()} == {"A": 4, "B": 0}


def test_a_cancellation_is_a_return_of_the_latest_earlier_order_that_fits(tmp_path):
    at = [f"2010-12-0{day} 10:00:00" for day in range(1, 8)]
    result = bring_in(
        tmp_path,
        row("1", "A", 5, "2.00", time=at[0]),
        row("1", "B", 2, "1.00", time=at[0]),
        row("2", "A", 5, "2.00", time=at[1]),
        row("3", "A", 9, "2.00", time=at[1], customer="999"),
        row("4", "A", 9, "1.90", time=at[1]),
        row("C5", "A", -4, "2.00", time=at[2]),
        row("C6", "A", -1, "2.00", time=at[3]),
        row("C6", "A", -4, "2.00", time=at[3]),
        row("C6", "A", -1, "2.00", time=at[3]),
        row("C7", "B", -2, "1.00", time=at[4]),
        row("8", "A", 9, "2.00", time=at[5]),
    )
    assert set(orders()) == {"1", "2", "3", "4", "8"}
    assert issues() == []
    assert returns() == [
        ("C5", "2", [("A", 4)], Decimal("8.00")),
        ("C6", "1", [("A", 1)], Decimal("2.00")),
        ("C6", "1", [("A", 4)], Decimal("8.00")),
        ("C6", "2", [("A", 1)], Decimal("2.00")),
        ("C7", "1", [("B", 2)], Decimal("2.00")),
    ]
    first, second = orders()["1"], orders()["2"]
    assert (first.status, first.payment_status) == ("returned", "refunded")
    assert (first.returned_amount, first.refunded_amount) == (Decimal("12.00"), Decimal("12.00"))
    assert (second.status, second.payment_status) == ("returned", "refunded")
    assert orders()["3"].status == orders()["4"].status == "delivered"
    shares = {share.name: share for share in result.reconciliation.shares}
    assert shares["returns"] == Share("returns", 3, 5, -12, Decimal("-22.00"))
    assert {sku: each.stock_item.sold for sku, each in products().items()} == {"A": 27, "B": 0}
    assert_verified()
    assert steps_of(first) == [
        *("placed", "refund", "refund", "return", "return"),
        *("returned", "refund", "return"),
    ]


@pytest.mark.parametrize(
    ("lacks", "credit"),
    [
        ("customer", row("C2", "A", -1, customer="", time=LATER)),
        ("order", row("C2", "B", -1, time=LATER)),
        ("order", row("C2", "A", -1)),
        ("price", row("C2", "A", -1, "1.49", time=LATER)),
        ("quantity", row("C2", "A", -6, time=LATER)),
    ],
)
def test_a_cancellation_whose_order_cannot_be_told_stays_a_credit(tmp_path, lacks, credit):
    fits = row("C2", "A", -2, time=credit[4], customer=credit[6])
    result = bring_in(
        tmp_path,
        row("1", "A", 5),
        row("0", "A", 9, customer=""),
        *([credit] if lacks in ("customer", "order") else [credit, fits]),
    )
    assert issues() == [(4, f"credit_{lacks}")]
    assert result.job.lines_refused == 0
    stays = orders()["C2"]
    assert (stays.kind, stays.item_count) == ("credit", int(credit[3]))
    shares = {share.name: share.invoices for share in result.reconciliation.shares}
    assert shares["report"] == 0
    if lacks in ("price", "quantity"):
        # The invoice counts once, with the part of it that is a return.
        assert (shares["returns"], shares["credits"]) == (1, 0)
        assert orders()["1"].payment_status == "partly_refunded"
    else:
        assert shares["credits"] == 1
    assert_verified()


def test_doubled_lines_are_lines_of_their_own(tmp_path):
    bring_in(tmp_path, row("1", "A", 1), row("1", "A", 1), row("1", "A", 2))
    assert [line.quantity for line in orders()["1"].lines.all()] == [1, 1, 2]


def test_lines_that_contradict_their_invoice_go_into_the_report(tmp_path):
    bring_in(
        tmp_path,
        row("1", "A", 1),
        row("1", "B", 1, customer="999"),
        row("2", "A", 1),
        row("2", "A", -1, "0.0", name="damaged"),
    )
    assert issues() == [(3, "customer"), (5, "loss_on_invoice")]


def test_products_and_orders_that_the_tenant_has_stay_as_they_are(tmp_path):
    tenant = create_tenant(slug="uci", name="UCI", currency="GBP")
    assert tenant.slug == "uci"
    with entered():
        from noren.catalog.services import create_product, save_category

        category = save_category(values={"name": "Own"})
        create_product(
            values={
                "name": "Mine",
                "sku": "A",
                "price": Decimal(7),
                "category": category,
                "stock_quantity": 4,
            }
        )
    bring_in(tmp_path, row("1", "A", 10, "2.00"))
    product = products()["A"]
    assert (product.name, product.price, product.stock_item.on_hand) == ("Mine", Decimal(7), 0)
    assert [quantity for _kind, quantity, _reason in movements("A")] == [4, 6, -10]
