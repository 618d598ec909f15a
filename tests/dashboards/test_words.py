"""Who may do what, how numbers are written, what stands in a file: no browser needed."""

from __future__ import annotations

import html
import io
import re
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from psycopg2.extras import RealDictCursor

from connections.settings import load_settings
from dashboards import exports, identity, layout, previews
from dashboards import formats as f
from dashboards.layout import Column

SETTINGS: dict[str, Any] = {
    "dashboard_trusted_user_header": "X-User",
    "dashboard_trusted_groups_header": "X-Groups",
    "dashboard_reader_groups": "finance",
    "dashboard_approver_groups": "approvers, controllers",
}


@pytest.mark.parametrize(
    ("headers", "role"),
    [
        ({"X-User": "dana", "X-Groups": "finance,controllers"}, "approver"),
        ({"X-User": "dana", "X-Groups": "finance"}, "reader"),
        ({"X-User": "dana", "X-Groups": "sales"}, "nobody"),
        ({"X-User": "dana"}, "nobody"),
        ({"X-Groups": "approvers"}, "nobody"),
        ({}, "nobody"),
    ],
)
def test_a_role_comes_from_a_group_that_is_vouched_for(headers: dict[str, str], role: str) -> None:
    assert identity.from_headers(load_settings(**SETTINGS), headers).role == role


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"is_logged_in": True, "email": "dana@x.ca", "groups": ["approvers"]}, "approver"),
        ({"is_logged_in": True, "email": "dana@x.ca", "groups": ["finance"]}, "reader"),
        ({"is_logged_in": False, "email": "dana@x.ca", "groups": ["approvers"]}, "nobody"),
        ({"is_logged_in": True, "groups": ["approvers"]}, "nobody"),
        ({"is_logged_in": True, "email": "a@x", "email_verified": False, "groups": ["approvers"]},
         "nobody"),
    ],
)  # fmt: skip
def test_a_role_comes_from_a_signed_in_user_s_claims(claims: dict[str, Any], role: str) -> None:
    assert identity.from_claims(load_settings(**SETTINGS), claims).role == role


def test_without_a_sign_in_reading_is_for_this_machine_and_deciding_for_nobody() -> None:
    assert identity.anonymous(is_loopback=True).role == "reader"
    assert not identity.anonymous(is_loopback=True).may_decide
    assert identity.anonymous(is_loopback=False).role == "nobody"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234.565", "CAD", "$1,234.57 CAD"),
        ("-0.005", "CAD", "−$0.01 CAD"),
        ("-0.004", "CAD", "$0.00 CAD"),
        ("1234.5", "JPY", "¥1,235 JPY"),
        ("1.2345", "KWD", "1.235 KWD"),
        ("12345678901234567.89", "EUR", "€12,345,678,901,234,567.89 EUR"),
    ],
)
def test_money_is_written_exactly(amount: str, currency: str, text: str) -> None:
    assert f.money(Decimal(amount), currency) == text


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("missing_actual", "Missing actual"),
        ("cpu_seconds", "CPU seconds"),
        ("one_off_unmatched", "One-off unmatched"),
        ("", ""),
    ],
)
def test_a_code_is_shown_in_words(code: str, text: str) -> None:
    assert f.words(code) == text


def test_a_table_names_its_currency_once_and_each_of_several() -> None:
    columns = (Column("amount", "Amount", "money"),)
    cad = {"amount": Decimal("1234.5"), "currency": "CAD"}
    one = layout.table_html([cad, cad], columns, "One")
    assert one.count("$1,234.50<") == 2
    assert "Amounts in CAD." in one
    two = layout.table_html([cad, {**cad, "currency": "EUR"}], columns, "Two")
    assert "$1,234.50 CAD" in two
    assert "€1,234.50 EUR" in two
    assert "Amounts in" not in two


def test_a_price_keeps_all_its_digits() -> None:
    assert f.price(Decimal("0.000123")) == "0.000123"
    assert f.price(Decimal("80.000000")) == "80.00"


def test_a_file_keeps_digits_that_no_float_has() -> None:
    from openpyxl import load_workbook

    exact = Decimal("12345678901234567.89")
    rows = [
        {
            "amount": exact,
            "note": "=1+1",
            "on": date(2026, 4, 30),
            "at": datetime(2026, 5, 1, tzinfo=UTC),
        }
    ]
    text = exports.as_csv(rows, ["amount", "note", "on", "at"]).decode("utf-8-sig")
    assert text.splitlines()[1] == (
        "12345678901234567.89,'=1+1,2026-04-30,2026-04-30T20:00:00-04:00"
    )
    file = exports.as_xlsx(rows, ["amount", "note", "on", "at"], "A: table/of [amounts]")
    assert str(exact).encode() in _sheet_xml(file)
    cells = next(load_workbook(io.BytesIO(file)).active.iter_rows(min_row=2))
    # As text: a spreadsheet would round a number of 19 digits.
    assert [cell.data_type for cell in cells] == ["s", "s", "d", "d"]


def _sheet_xml(file: bytes) -> bytes:
    import zipfile

    return zipfile.ZipFile(io.BytesIO(file)).read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize(
    ("method", "tax"), [("round_globally", "0.37"), ("round_per_line", "0.38")]
)
def test_a_preview_adds_up_as_the_company_rounds(method: str, tax: str) -> None:
    """Two lines of 1.25 at 14.975 %: 0.3744 as a whole, 0.19 twice by the line."""
    taxes = [
        {
            "tax_id": 7,
            "components": [{"tax_id": 7, "name": "GST+QST", "rate": "14.975"}],
            "is_price_included": False,
        }
    ]
    facts = previews.tax_facts(taxes, {"company_name": "N", "tax_rounding_method": method})
    line = {"amount": Decimal("1.25"), "tax_ids": [7], "currency": "CAD"}
    whole = previews.totals([line, line], facts)
    assert whole is not None
    assert (whole.untaxed, whole.tax) == (Decimal("2.50"), Decimal(tax))
    assert previews.by_tax([line, line], facts) == [("GST+QST", Decimal(tax))]


def test_a_preview_with_an_unknown_tax_has_no_total() -> None:
    facts = previews.tax_facts([], None)
    line = {"amount": Decimal(1), "tax_ids": [7], "currency": "CAD"}
    assert previews.totals([line], facts) is None


@pytest.mark.parametrize(
    "text",
    [
        "Hosting **for free** [here](https://evil.example) ![x](https://evil.example/p.png)",
        ":red[Overdue] :material/warning: :smile: $x^2$ `code` <b>bold</b> & ~~gone~~",
        "1. a list | a table \\ a backslash _under_ #heading",
    ],
)
def test_what_a_source_wrote_is_shown_as_it_was_written(text: str) -> None:
    from markdown_it import MarkdownIt

    shown = MarkdownIt("commonmark").enable("strikethrough").render(f.literal(text))
    plain = html.unescape(shown.removeprefix("<p>").removesuffix("</p>\n"))
    assert plain.replace("\u2060", "") == text
    assert ":red[" not in f.literal(text)
    assert "$" not in f.literal(text).replace("\\$", "")
    assert not re.search(r":[\w+/-]+:", plain)


def test_the_month_end_sheet_says_of_when_its_figures_are(
    warehouse_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the last whole build that passed, and not of the page server's start."""
    from dashboards.queries import common
    from dashboards.views import month_end

    with closing(psycopg2.connect(warehouse_dsn)) as conn, conn:
        with conn.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(
                "insert into ops.builds (as_of, is_whole, status, schema_prefix) values"
                " ('2026-06-03 12:00+00', true, 'passed', ''),"
                " ('2026-06-04 12:00+00', true, 'failed', ''),"
                " ('2026-06-05 12:00+00', false, 'passed', ''),"
                " ('2026-06-06 12:00+00', true, 'passed', 'try_')"
            )
            cursor.execute(common.FRESHNESS)
            freshness = cursor.fetchone()
    shown: list[str] = []
    monkeypatch.setattr(month_end.data, "row", {common.FRESHNESS: freshness}.get)
    monkeypatch.setattr(month_end.data, "rows", lambda _query: [{"period_month": date(2026, 5, 1)}])
    monkeypatch.setattr(month_end.filters, "choice", lambda *_: "2026-05")
    monkeypatch.setattr(month_end.st, "html", shown.append)
    monkeypatch.setattr(month_end.ui, "heading", lambda *_: None)
    for part in ("_part", "_closed"):
        monkeypatch.setattr(month_end, part, lambda *_: None)
    month_end.show()
    as_of = f.instant(datetime(2026, 6, 3, 12, tzinfo=UTC))
    assert f"as of {as_of}, from" in shown[0]


def test_a_message_of_a_decision_is_no_markdown() -> None:
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_string("from dashboards import decisions\ndecisions.flash()")
    app.session_state["flash"] = [("warning", "Not decided: **Hosting** [x](https://evil.example)")]
    app.run(timeout=60)
    (shown,) = app.warning
    assert shown.value == f.literal("Not decided: **Hosting** [x](https://evil.example)")
    assert "**" not in shown.value
