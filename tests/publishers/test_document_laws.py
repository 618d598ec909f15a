"""Laws of documents, over lines that nobody thought of."""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from publishing_world import JUNE, MAY, line

from publishers import documents, payloads
from publishers.documents import Document, Original, Terms
from publishers.facts import Currency, OdooFacts
from publishers.lines import Line, from_row
from publishers.taxes import Digits, TaxComponent

TAXES = {
    11: (TaxComponent(11, Decimal(13)),),
    17: (TaxComponent(5, Decimal(5)), TaxComponent(10, Decimal("9.975"))),
    18: (TaxComponent(18, Decimal(0)),),
}
TERMS = Terms(date(2026, 6, 3), 30, lambda _lines: Original("doc", 42, "posted"))


def _facts(method: Any, digits: int) -> OdooFacts:
    cad = Currency(3, "CAD", 2, is_active=True, has_rate=True)
    return OdooFacts(1, method, Digits(digits, digits, 2), 7, {"CAD": cad}, TAXES, {})


@st.composite
def lines(draw: st.DrawFn) -> list[Line]:
    """Up to a dozen lines of few customers, positive and negative, with prices of six decimals."""
    rows = []
    for number in range(draw(st.integers(1, 12))):
        cents = draw(st.integers(-50_000, 50_000).filter(bool))
        rows.append(
            line(
                number,
                amount=str(Decimal(cents) / 100),
                quantity=draw(st.decimals("0.01", 9999, places=draw(st.integers(0, 6)))),
                unit_price=draw(st.decimals("0.000001", 500, places=6)),
                partner_id=draw(st.integers(1, 3)),
                period=draw(st.sampled_from((MAY, JUNE))),
                tax_ids=draw(st.sampled_from(([11], [17], [18], []))),
            )
        )
    return [from_row(row) for row in rows]


methods = st.sampled_from(("round_globally", "round_per_line"))


@given(lines(), methods, st.sampled_from((2, 6)))
def test_every_line_is_in_one_document_or_held_and_no_cent_is_lost(
    given_lines: list[Line], method: Any, digits: int
) -> None:
    built, held = documents.build(given_lines, _facts(method, digits), TERMS)
    placed = [sent.line for document in built for sent in document.lines]
    placed += [waiting for each in held for waiting in each.lines]
    assert sorted(each.line_key for each in placed) == sorted(each.line_key for each in given_lines)
    for document in built:
        assert document.totals.untaxed == _sign(document) * sum(
            s.line.amount for s in document.lines
        )
        assert document.totals.untaxed >= 0
        assert document.totals.total >= 0


@given(lines(), methods, st.sampled_from((2, 6)))
def test_odoo_can_keep_every_digit_that_is_sent(
    given_lines: list[Line], method: Any, digits: int
) -> None:
    facts = _facts(method, digits)
    for document in documents.build(given_lines, facts, TERMS)[0]:
        rows = payloads.payload(document, "k", facts)
        prefix = "invoice_line_ids/"
        for row, sent in zip(rows["rows"], document.lines, strict=True):
            cells = dict(zip(rows["fields"], row, strict=True))
            quantity = Decimal(cells[prefix + "quantity"])
            price = Decimal(cells[prefix + "price_unit"])
            assert quantity * price == _sign(document) * sent.line.amount
            assert quantity == round(quantity, digits)
            assert price == round(price, digits)


def _sign(document: Document) -> int:
    return -1 if document.move_type == "out_refund" else 1
