"""Broken files and lines: a clear error or a row of the report, and nothing half stored."""

from __future__ import annotations

import pytest
import zstandard
from django.core.management import CommandError, call_command
from retail_files import bring_in, entered, issues, orders, row, text_of, write_file

from noren.imports.online_retail import invoices
from noren.imports.online_retail.running import import_file
from noren_kit.jobs.models import Job, JobIssue
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.shops import make_shop

GOOD = text_of([row("1", "A", 1)]).encode()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "header"),
        (b"\n", "header"),
        (b"a,b,c\n1,2,3\n", "header"),
        (GOOD.decode().encode("utf-16"), "UTF-8"),
        (GOOD + b'2,B,"caf\xe9",1,2010-12-01 08:26:00,1.5,,UK\n', "Line 3: not UTF-8"),
        (GOOD + b'2,B,"open,1,2010-12-01 08:26:00,1.5,,UK\n', "Line 3"),
        (GOOD + b'2,B,"open\n' + b"more\n" * 200, "quotation"),
        (GOOD + b"x" * 20_000 + b"\n", "longer than"),
        (GOOD + b'2,"B"x,open,1\n', "Line 3"),
    ],
)
def test_a_broken_file_is_refused_before_anything_is_written(tmp_path, content, fault):
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=fault):
        call_command("import_online_retail", str(path), tenant="uci")
    assert not Tenant.objects.exists()


@pytest.mark.parametrize("cut", [1, 3, 20])
def test_a_cut_or_damaged_packed_file_is_refused(tmp_path, cut):
    whole = zstandard.compress(text_of([row(str(n), "A", n + 1) for n in range(999)]).encode())
    path = tmp_path / "cut.csv.zst"
    for content, fault in ((whole[:-cut], "cut off"), (whole + b"junk", "can't be read")):
        path.write_bytes(content)
        with pytest.raises(CommandError, match=fault):
            call_command("import_online_retail", str(path), tenant="uci")
    assert not Tenant.objects.exists()


def test_a_missing_file_and_another_kind_of_file_are_clear_errors(tmp_path):
    for name in ("none.csv", "retail.xlsx"):
        with pytest.raises(CommandError, match=name):
            call_command("import_online_retail", str(tmp_path / name), tenant="uci")


BAD_LINES = [
    (["1", "A"], "columns"),
    (["1", "A", *[""] * 60], "columns"),
    (row("1", "", 1), "code_missing"),
    (row("1", "A" * 51, 1), "text"),
    (row("1", "A", 1, name="x" * 201), "text"),
    (row("1", "A", 1, name="nul\x00"), "text"),
    (row("1", "A\x07", 1), "text"),
    (row("", "A", 1), "invoice_number"),
    (row("X536365", "A", 1), "invoice_number"),
    (row("c536365", "A", 1), "invoice_number"),
    (row("536365\x00", "A", 1), "invoice_number"),
    (row("1" * 60, "A", 1), "invoice_number"),
    *[(row("1", "A", each), "quantity") for each in ("", "NaN", "1.5", "1_000", "١٢", "0", "-0")],
    *[(row("1", "A", each), "quantity") for each in ("1000000001", "9" * 5_000, "1e3", "+1")],
    *[(row("1", "A", 1, each), "price") for each in ("", "NaN", "Infinity", "1e400", "1,50")],
    (row("1", "A", 1, "100000000.00"), "price"),
    (row("1", "A", 1, "9" * 5_000), "price"),
    (row("1", "A", 1_000_000_000, "99999999.99"), "amount"),
    (row("1", "A", 1, "-0.01"), "price_negative"),
    (row("1", "A", 1, "0.0001"), "price_precision"),
    (row("1", "A", -1, "1.00"), "quantity_sign"),
    (row("C1", "A", 1, "1.00"), "quantity_sign"),
    *[
        (row("1", "A", 1, time=each), "time")
        for each in (
            "",
            "0000-01-01 00:00:00",
            "0001-01-01 00:00:00",
            "9999-12-31 23:59:59",
            "2011-02-30 10:00:00",
            "2011-06-30 23:59:60",
            "2011-01-01T10:00:00",
            "12/1/2010 8:26",
        )
    ],
    (row("1", "A", 1, customer="x" * 51), "text"),
]


def test_every_broken_line_is_a_row_of_the_report_and_the_rest_comes_in(tmp_path):
    rows = [row("7", "GOOD", 1)]
    for bad, _code in BAD_LINES:
        rows += [bad, row("8", "GOOD", 1)]
    bring_in(tmp_path, *rows)
    assert issues() == [(3 + 2 * at, code) for at, (_bad, code) in enumerate(BAD_LINES)]
    assert set(orders()) == {"7", "8"}
    assert len(orders()["8"].lines.all()) == len(BAD_LINES)


def test_a_line_number_is_the_files_own_also_behind_quoted_newlines_and_blank_lines(tmp_path):
    content = GOOD + b'2,B,"two\nlines",1,2010-12-01 08:26:00,1.5,,UK\n\n3,C,x,0,,1,,\n'
    path = tmp_path / "lines.csv"
    path.write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    assert import_file(path, "uci").reconciliation.holds
    with entered():
        found = list(JobIssue.objects.values_list("line", "last_line", "code"))
    assert found == [(3, 4, "text"), (5, 5, "columns"), (6, 6, "quantity")]


def test_the_report_keeps_the_raw_line(tmp_path):
    bring_in(tmp_path, row("1", "A", "two", name='say "hi"'), ["just", "two"])
    with entered():
        named, ragged = JobIssue.objects.order_by("line")
    assert (named.raw["Quantity"], named.raw["Description"]) == ("two", 'say "hi"')
    assert ragged.raw == {"values": ["just", "two"]}


def test_an_invoice_that_goes_on_without_end_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(invoices, "MAX_INVOICE_LINES", 3)
    monkeypatch.setattr(invoices, "MAX_STRAYS", 2)
    bring_in(tmp_path, *[row("1", "A", 1) for _ in range(8)], row("2", "A", 1))
    assert len(orders()["1"].lines.all()) == 5
    assert issues() == [(7, "scattered"), (8, "scattered"), (9, "scattered")]


def test_a_file_with_nothing_but_faults_leaves_a_report(tmp_path):
    result = bring_in(tmp_path, row("A1", "B", 1), ["?"])
    assert (result.job.status, len(issues()), orders()) == ("done", 2, {})


def test_an_empty_file_is_done_at_once(tmp_path):
    assert bring_in(tmp_path).job.status == "done"


@pytest.mark.parametrize(
    ("settings", "fault"),
    [({"currency": "JPY"}, "trades in"), ({"currency": "GBP", "status": "suspended"}, "suspended")],
)
def test_a_tenant_that_does_not_fit_is_refused(tmp_path, settings, fault):
    status = settings.pop("status", "active")
    shop = make_shop(slug="fuji", **settings)
    Tenant.objects.using("platform").filter(id=shop.tenant.id).update(status=status)
    with pytest.raises(CommandError, match=fault):
        call_command(
            "import_online_retail", str(write_file(tmp_path, [row("1", "A", 1)])), tenant="fuji"
        )


def test_names_that_are_no_tenants_or_several_are_refused(tmp_path):
    path = str(write_file(tmp_path, [row("1", "A", 1)]))
    make_shop(slug="one", name="Twin", currency="GBP")
    make_shop(slug="two", name="Twin", currency="GBP")
    for name, fault in (("Twin", "Several"), ("店", "slug"), ("O.N.E", "another tenant")):
        with pytest.raises(CommandError, match=fault):
            call_command("import_online_retail", path, tenant=name)


def test_a_second_file_for_the_same_tenant_is_refused(tmp_path):
    bring_in(tmp_path, row("1", "A", 1))
    with pytest.raises(CommandError, match="other content"):
        call_command(
            "import_online_retail", str(write_file(tmp_path, [row("2", "A", 1)])), tenant="uci"
        )
    with entered():
        assert Job.objects.count() == 1
