"""Lines become documents by rule: grouping, order, signs, nothing that Odoo would round away."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from publishing_world import JUNE, MAY, line

from publishers import documents, payloads
from publishers.documents import Document, Held, Original, Terms
from publishers.facts import Currency, OdooFacts
from publishers.lines import from_row
from publishers.taxes import Digits, TaxComponent, Totals

TODAY = date(2026, 6, 3)
HST, GST_QST = 11, 17
FACTS = OdooFacts(
    company_id=1,
    rounding_method="round_globally",
    digits=Digits(2, 2, 2),
    journal_id=7,
    currencies={
        "CAD": Currency(3, "CAD", 2, is_active=True, has_rate=True),
        "JPY": Currency(4, "JPY", 0, is_active=True, has_rate=True),
        "USD": Currency(1, "USD", 2, is_active=True, has_rate=False),
    },
    taxes={
        HST: (TaxComponent(11, Decimal(13)),),
        GST_QST: (TaxComponent(5, Decimal(5)), TaxComponent(10, Decimal("9.975"))),
    },
    problems={("partner", 99): "partner Gone (99) is archived in Odoo: unarchive it"},
)


def _build(
    rows: list[dict[str, Any]], facts: OdooFacts = FACTS, original: Original | None = None
) -> tuple[list[Document], list[Held]]:
    return documents.build(
        [from_row(row) for row in rows], facts, Terms(TODAY, 30, lambda _lines: original)
    )


def _payload(document: Document, facts: OdooFacts = FACTS) -> list[dict[str, str]]:
    content = payloads.payload(document, document.key(1), facts)
    return [dict(zip(content["fields"], row, strict=True)) for row in content["rows"]]


def test_one_document_per_partner_service_period_and_currency() -> None:
    built, held = _build(
        [
            line(1),
            line(2),
            line(3, partner_id=2),
            line(4, service="nexadesk"),
            line(5, period=JUNE),
            line(6, currency="JPY", amount="100"),
        ]
    )
    assert not held
    assert [len(document.lines) for document in built] == [2, 1, 1, 1, 1]
    assert len({document.key(1) for document in built}) == 5


@pytest.mark.parametrize(
    ("zone", "start", "end", "name"),
    [
        ("America/Toronto", "2026-05-01", "2026-06-01", "2026-05"),
        ("America/Toronto", "2026-12-01", "2027-01-01", "2026-12"),
        ("Europe/Paris", "2026-02-01", "2026-03-01", "2026-02"),
        ("Asia/Tokyo", "2026-03-01", "2026-04-01", "2026-03"),
        ("Pacific/Honolulu", "2026-03-15", "2026-04-15", "20260315-20260415"),
        ("America/Toronto", "2026-01-01", "2027-01-01", "20260101-20270101"),
    ],
)
def test_a_document_is_named_after_its_local_period(
    zone: str, start: str, end: str, name: str
) -> None:
    period = tuple(
        datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)) for day in (start, end)
    )
    [document], _ = _build([line(1, period=period)])
    assert document.key(3) == f"nexacloud-1-{name}-CAD-invoice-3"


def test_the_order_of_lines_does_not_depend_on_the_order_of_arrival() -> None:
    rows = [
        line(1, subscription="b"),
        line(2, subscription="a", kind="usage", charge="cpu"),
        line(3, subscription="a"),
    ]
    forwards, backwards = _build(rows)[0], _build(rows[::-1])[0]
    assert forwards == backwards
    assert [sent.line.kind for sent in forwards[0].lines] == ["base", "usage", "base"]
    assert [sent.line.external_subscription_id for sent in forwards[0].lines] == ["a", "a", "b"]


def test_a_price_that_odoo_would_round_is_sent_as_one_at_the_rounded_amount() -> None:
    usage = line(
        1,
        kind="usage",
        metric="cpu_seconds",
        amount="15.19",
        quantity=Decimal("123456.789"),
        unit_price=Decimal("0.000123"),
        description="CPU of web-1, May 2026",
    )
    built, _ = _build([usage])
    cells = _payload(built[0])[0]
    assert cells["invoice_line_ids/quantity"] == "1"
    assert cells["invoice_line_ids/price_unit"] == "15.19"
    assert cells["invoice_line_ids/name"] == (
        "CPU of web-1, May 2026 (123456.789 cpu_seconds × 0.000123 CAD)"
    )


def test_with_enough_digits_the_line_keeps_its_quantity_and_price() -> None:
    usage = line(
        1, kind="usage", amount="0.25", quantity=Decimal(2500), unit_price=Decimal("0.0001")
    )
    built, _ = _build([usage], replace(FACTS, digits=Digits(6, 6, 2)))
    cells = _payload(built[0])[0]
    assert (cells["invoice_line_ids/quantity"], cells["invoice_line_ids/price_unit"]) == (
        "2500",
        "0.0001",
    )


def test_a_line_that_does_not_multiply_to_its_amount_is_sent_as_its_amount() -> None:
    # 0.1 x 33.35 is 3.335: three of them are 10.01 in Odoo, and 10.02 is what was approved.
    rows = [
        line(n, amount="3.34", quantity=Decimal("0.1"), unit_price=Decimal("33.35"))
        for n in range(3)
    ]
    built, _ = _build(rows)
    assert built[0].totals == Totals(Decimal("10.02"), Decimal("1.30"))
    assert {sent.quantity * sent.price_unit for sent in built[0].lines} == {Decimal("3.34")}


def test_a_document_never_carries_name_state_or_auto_post() -> None:
    cells = _payload(_build([line(1)])[0][0])[0]
    assert not {"name", "state", "auto_post"} & set(cells)
    assert cells["move_type"] == "out_invoice"
    assert cells["invoice_date"] == "2026-06-03"
    assert cells["invoice_date_due"] == "2026-07-03"
    assert cells["invoice_payment_term_id/.id"] == ""
    assert cells["invoice_line_ids/tax_ids/.id"] == "11"
    assert cells["id"] == "dwh_pub." + cells["ref"]
    assert cells["invoice_origin"] == line(1)["line_key"][:12]


def test_only_the_first_row_carries_the_header_and_all_cells_are_text() -> None:
    content = payloads.payload(_build([line(1), line(2)])[0][0], "k", FACTS)
    header = len(payloads.HEADER_FIELDS)
    assert content["rows"][1][:header] == [""] * header
    assert all(isinstance(cell, str) for row in content["rows"] for cell in row)


def test_the_context_is_create_only() -> None:
    content = payloads.payload(_build([line(1)])[0][0], "k", FACTS)
    assert content["context"]["mode"] == "update"
    assert content["context"]["noupdate"] is True


def test_a_negative_total_is_a_credit_note_with_positive_amounts() -> None:
    posted = Original("nexacloud-1-x-invoice-1", 42, "posted")
    built, held = _build([line(1, amount="-40.00"), line(2, amount="15.00")], original=posted)
    assert not held
    document = built[0]
    assert document.move_type == "out_refund"
    assert document.totals == Totals(Decimal("25.00"), Decimal("3.25"))
    cells = _payload(document)
    assert [row["invoice_line_ids/price_unit"] for row in cells] == ["40.00", "-15.00"]
    assert cells[0]["reversed_entry_id/.id"] == "42"


@pytest.mark.parametrize("state", ["draft", "cancel", "deleted"])
def test_a_credit_note_waits_until_its_original_is_posted(state: str) -> None:
    built, held = _build([line(1, amount="-40.00")], original=Original("doc-1", 42, state))
    assert not built
    assert f"corrects doc-1, which is {state}" in held[0].reason


def test_a_credit_note_of_nothing_known_goes_out_unlinked() -> None:
    built, _ = _build([line(1, amount="-40.00")])
    assert built[0].move_type == "out_refund"
    assert "reversed_entry_id/.id" not in _payload(built[0])[0]


def test_a_total_of_zero_is_an_invoice() -> None:
    built, _ = _build([line(1, amount="100.00"), line(2, amount="-100.00")])
    assert (built[0].move_type, built[0].totals.total) == ("out_invoice", 0)


def test_signs_that_odoo_cannot_post_are_held_back() -> None:
    rows = [line(1, amount="1.00", tax_ids=[]), line(2, amount="-0.99", tax_ids=[HST])]
    built, held = _build(rows)
    assert not built
    assert "differ in sign" in held[0].reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"partner_id": 99}, "Gone (99) is archived"),
        ({"currency": "USD"}, "USD has no rate"),
        ({"currency": "EUR"}, "EUR does not exist"),
        ({"tax_components": [{"tax_id": 11, "rate": "15"}]}, "approved with tax rates 15"),
    ],
)
def test_what_fails_preflight_blocks_its_own_document_only(
    changes: dict[str, Any], reason: str
) -> None:
    built, held = _build([line(1), line(2, **{"partner_id": 2, **changes})])
    assert [document.group.partner_id for document in built] == [1]
    assert reason in held[0].reason


def test_taxes_that_nobody_resolved_block_the_document() -> None:
    unresolved = line(1, tax_ids=None)
    _, held = documents.build([from_row(unresolved)], FACTS, Terms(TODAY, 30, lambda _lines: None))
    assert "taxes are not resolved" in held[0].reason


def test_a_locked_month_blocks_every_document() -> None:
    locked = replace(FACTS, locked_until=TODAY)
    assert "lock date 2026-06-03" in _build([line(1)], locked)[1][0].reason
    open_again = replace(FACTS, locked_until=TODAY - timedelta(days=1))
    assert not _build([line(1)], open_again)[1]


def test_too_few_digits_for_the_currency_block_the_document() -> None:
    _, held = _build([line(1)], replace(FACTS, digits=Digits(1, 2, 2)))
    assert "keeps 1 decimals of a price" in held[0].reason


def test_the_payload_hash_tells_any_other_payload_apart() -> None:
    one = payloads.payload(_build([line(1)])[0][0], "k", FACTS)
    other = payloads.payload(_build([line(1, amount="100.01")])[0][0], "k", FACTS)
    assert payloads.payload_hash(one) != payloads.payload_hash(other)
    assert payloads.payload_hash(one) == payloads.payload_hash(dict(reversed(one.items())))


def test_batches_hold_same_columns_and_at_most_so_many() -> None:
    made = payloads.batches([("a", n) for n in range(5)] + [("b", 9)], lambda item: item[0], 2)
    assert [len(batch) for batch in made] == [2, 2, 1, 1]
    assert MAY[1] == JUNE[0]
