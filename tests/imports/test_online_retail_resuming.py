"""Interrupted, repeated, run twice at once: the import ends as if it had run once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from django.db import connection
from retail_files import bring_in, entered, row, write_file

from noren.catalog.models import Product
from noren.imports.online_retail import importing
from noren.imports.online_retail.running import Result, import_file
from noren.inventory.queries import find_differences
from noren.orders.queries import find_unexplained_lines
from noren.orders.queries.verifying import find_wrong_payments, find_wrong_returns
from noren_kit.accounts.provisioning import create_tenant
from noren_kit.jobs.errors import JobError, JobTaken
from noren_kit.jobs.models import Job
from noren_kit.softdelete.deleting import soft_delete
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.queries import recorded_statements

COUNTED = (
    "orders_order",
    "orders_orderline",
    "orders_ordertax",
    "orders_ordertransition",
    "orders_orderreturn",
    "orders_payment",
    "orders_customer",
    "catalog_product",
    "inventory_stockitem",
    "inventory_stockmovement",
    "jobs_jobissue",
)


# Of the import that is killed.
MANY_LINES = 40_000 if "NOREN_SOAK" in os.environ else 16_000


def some_rows(count: int) -> list[list[str]]:
    """Invoices of ten lines, each tenth a credit, with a loss and a broken line now and then.

    Each other credit gives back the invoice before it.
    """
    rows = []
    for number in range(count // 10):
        letter, sign = ("C", -1) if number % 10 == 9 else ("", 1)
        of = number - (number % 20 == 9)
        time = f"2010-12-{1 + number // 1440:02} {number // 60 % 24:02}:{number % 60:02}:00"
        for at in range(10):
            code = f"P{(of * 7 + at) % 200}"
            invoice = f"{letter}{number}"
            rows.append(row(invoice, code, sign * (1 + at), customer=str(of % 90), time=time))
        if number % 50 == 0:
            rows[-1] = row(f"9{number:06}", "P1", -3, "0.0", name="damaged")
            rows[-2] = row(f"{number}", "P2", 1, "0.001")
    return rows


def contents(slug: str) -> dict[str, object]:
    """What a tenant holds, without what differs from run to run."""
    with enter(Tenant.objects.get(slug=slug).id), connection.cursor() as cursor:
        found: dict[str, object] = {}
        for table in COUNTED:
            cursor.execute(f"SELECT count(*) FROM {table}")
            found[table] = cursor.fetchone()
        cursor.execute(
            "SELECT p.sku, p.name, s.sold, s.on_hand FROM catalog_product p"
            " JOIN inventory_stockitem s ON s.id = p.stock_item_id ORDER BY p.sku"
        )
        found["products"] = cursor.fetchall()
        cursor.execute(
            "SELECT o.external_number, o.total_amount, l.position, l.sku, l.quantity"
            " FROM orders_order o JOIN orders_orderline l ON l.order_id = o.id ORDER BY 1, 3"
        )
        found["lines"] = cursor.fetchall()
        cursor.execute(
            "SELECT r.external_number, o.external_number, o.status, o.returned_amount,"
            " sum(b.quantity) FROM orders_orderreturn r JOIN orders_order o ON o.id = r.order_id"
            " JOIN orders_returnline b ON b.order_return_id = r.id"
            " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2"
        )
        found["returns"] = cursor.fetchall()
        assert found["returns"]
        assert not list(find_differences())
        assert not list(find_unexplained_lines())
        assert not list(find_wrong_returns())
        assert not list(find_wrong_payments())
    return found


def position_of(slug: str) -> int:
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        return 0
    with enter(tenant.id):
        job = Job.objects.first()
        return job.position if job else 0


def run_until_killed(path: str, tenant: str, beyond: int) -> bool:
    """Start the command in a process of its own, kill it behind `beyond`; whether it lived."""
    process = subprocess.Popen(
        [sys.executable, "-m", "django", "import_online_retail", path, "--tenant", tenant],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ},
    )
    try:
        while process.poll() is None:
            if position_of(tenant) > beyond:
                process.send_signal(signal.SIGKILL)
                process.wait(30)
                return True
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait(30)
    return False


def test_a_killed_import_goes_on_and_ends_as_one_that_ran_through(tmp_path):
    path = write_file(tmp_path, some_rows(MANY_LINES), "retail.csv.zst")
    killed = [
        run_until_killed(str(path), "killed", beyond)
        for beyond in (0, MANY_LINES // 4, MANY_LINES // 2)
    ]
    assert killed[0]
    with enter(Tenant.objects.get(slug="killed").id):
        left = Job.objects.get()
        assert left.status == "running"
        assert 0 < left.position <= MANY_LINES
    result = import_file(path, "killed")
    assert result.reconciliation.holds
    assert (result.job.status, result.job.lines_settled) == ("done", MANY_LINES)
    assert import_file(path, "through").reconciliation.holds
    assert contents("killed") == contents("through")


def test_running_it_twice_changes_nothing_whichever_way_it_is_packed(tmp_path):
    rows = some_rows(2_000)
    first = import_file(write_file(tmp_path, rows, "retail.csv"), "uci")
    before = contents("uci")
    second = import_file(write_file(tmp_path, rows, "again.csv.zst"), "uci")
    assert second.job.id == first.job.id
    assert (second.reconciliation, second.issues) == (first.reconciliation, first.issues)
    assert contents("uci") == before


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_a_step_that_fails_leaves_nothing_and_the_next_run_goes_on(tmp_path, monkeypatch, step):
    monkeypatch.setattr(importing, "BATCH_LINES", 400)
    path = write_file(tmp_path, some_rows(2_000))
    calls = []

    def failing(orders, **options):
        calls.append(len(orders))
        unmatched = import_orders(orders, **options)
        if len(calls) == step:
            raise ZeroDivisionError
        return unmatched

    import_orders = importing.import_orders
    monkeypatch.setattr(importing, "import_orders", failing)
    with pytest.raises(ZeroDivisionError):
        import_file(path, "uci")
    with entered():
        job = Job.objects.get()
        assert (job.status, job.lines_settled) == ("failed", 400 * (step - 1))
        assert "ZeroDivisionError" in job.last_error
    assert import_file(path, "uci").reconciliation.holds
    assert import_file(path, "whole").reconciliation.holds
    assert contents("uci") == contents("whole")


def test_two_runs_at_once_bring_each_line_in_once(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "BATCH_LINES", 200)
    path = write_file(tmp_path, some_rows(3_000))
    create_tenant(slug="uci", name="UCI", currency="GBP")
    outcomes: list[Result | Exception] = []
    barrier = threading.Barrier(2)

    def run() -> None:
        barrier.wait()
        try:
            outcomes.append(import_file(path, "uci"))
        except JobTaken as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 2
    assert import_file(path, "uci").reconciliation.holds
    assert import_file(path, "alone").reconciliation.holds
    assert contents("uci") == contents("alone")


def test_other_options_for_an_import_that_was_begun_are_refused(tmp_path):
    bring_in(tmp_path, row("1", "A", 1))
    with pytest.raises(JobError, match="closing_stock"):
        bring_in(tmp_path, row("1", "A", 1), closing_stock=9)


def test_products_deleted_in_the_middle_stop_the_import_with_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "BATCH_LINES", 10)
    path = write_file(tmp_path, [row(str(number), "A", 1) for number in range(30)])
    with monkeypatch.context() as broken:
        broken.setattr(importing, "record_movements", lambda *_args, **_options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            import_file(path, "uci")
    with entered():
        Job.objects.update(position=11, lines_settled=10)
        soft_delete(Product.objects.get())
    with pytest.raises(JobError, match="deleted: A"):
        import_file(path, "uci")


@pytest.mark.parametrize("lines", [200, 2_000])
def test_statements_of_a_batch_do_not_grow_with_its_lines(tmp_path, lines):
    path = write_file(tmp_path, some_rows(lines))
    with recorded_statements() as statements:
        import_file(path, "uci")
    kinds = [text for text in statements if text.startswith(("INSERT", "WITH input"))]
    # Roles and the job; openings, products, customers; then orders, taxes and lines, of
    # sales and of credits, returns, two of the ledger; the report.
    assert len(kinds) <= 20, kinds
    assert len(statements) <= 70
