"""What a publishing run did, or would do, in a form for people and for machines.

In: documents of the ledger, or documents that would be claimed, and what was held. Out: a
PublishReport, whose `as_json()` is the answer of `billing publish --json`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from publishers.documents import Document, Held
from publishers.ledger import Publication
from publishers.taxes import Totals, round_half_up


@dataclass(frozen=True)
class ReportLine:
    """One line as it stands on the document; a credit note carries positive amounts."""

    line_key: str
    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    tax_ids: tuple[int, ...]


@dataclass(frozen=True)
class ReportDocument:
    """One document of the run. `state` is the ledger's, or `planned`, or `held`."""

    key: str | None
    state: str
    service: str
    partner_id: int
    partner: str
    period_start: datetime
    period_end: datetime
    currency: str
    move_type: str | None
    totals: Totals | None
    lines: tuple[ReportLine, ...]
    odoo_id: int | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Amounts as strings with the currency's decimals, times as ISO 8601."""
        totals = self.totals
        return {
            "key": self.key,
            "state": self.state,
            "odoo_id": self.odoo_id,
            "service": self.service,
            "partner": self.partner,
            "partner_id": self.partner_id,
            "move_type": self.move_type,
            "period_start": self.period_start.isoformat(),
            "period_end": self.period_end.isoformat(),
            "currency": self.currency,
            "untaxed_amount": format(totals.untaxed, "f") if totals else None,
            "tax_amount": format(totals.tax, "f") if totals else None,
            "total_amount": format(totals.total, "f") if totals else None,
            "reason": self.reason,
            "lines": [
                {
                    "line_key": line.line_key,
                    "description": line.description,
                    "quantity": format(line.quantity, "f"),
                    "unit_price": format(line.unit_price, "f"),
                    "amount": format(line.amount, "f"),
                    "tax_ids": list(line.tax_ids),
                }
                for line in self.lines
            ],
        }


@dataclass
class PublishReport:
    """Counts and documents of one run; `is_ok` is what the exit code says."""

    dry_run: bool
    run_id: str
    created: int = 0
    unchanged: int = 0
    failed: int = 0
    quarantined: int = 0
    held: int = 0
    # Why the whole run is held; nothing was claimed then.
    stopped: str | None = None
    notes: list[str] = field(default_factory=list)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    documents: list[ReportDocument] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_ok(self) -> bool:
        """False where a document failed or was quarantined, all are held, or one was changed."""
        bad = self.failed or self.quarantined or self.stopped
        return not (bad or any(alarm["is_new"] for alarm in self.alarms))

    def as_json(self) -> dict[str, Any]:
        """The machine-readable answer; its first keys are a contract."""
        return {
            "dry_run": self.dry_run,
            "created": self.created,
            "unchanged": self.unchanged,
            "failed": self.failed,
            "quarantined": self.quarantined,
            "held": self.held,
            "alarms": self.alarms,
            "stopped": self.stopped,
            "notes": self.notes,
            "is_ok": self.is_ok,
            "run_id": self.run_id,
            "seconds": round(self.seconds, 3),
            "documents": [document.as_json() for document in self.documents],
        }


def planned(document: Document, key: str) -> ReportDocument:
    """A document that would be claimed."""
    group = document.group
    return ReportDocument(
        key=key,
        state="planned",
        service=group.service,
        partner_id=group.partner_id,
        partner=document.lines[0].line.customer_name,
        period_start=group.billing_period_start,
        period_end=group.billing_period_end,
        currency=group.currency,
        move_type=document.move_type,
        totals=document.totals,
        lines=tuple(
            ReportLine(
                line_key=sent.line.line_key,
                description=sent.name,
                quantity=sent.quantity,
                unit_price=sent.price_unit,
                amount=_same_scale(sent.quantity * sent.price_unit, document.totals),
                tax_ids=sent.line.tax_ids,
            )
            for sent in document.lines
        ),
    )


def held(waiting: Held) -> ReportDocument:
    """A document that is not sent, with the reason."""
    group = waiting.group
    return ReportDocument(
        key=None,
        state="held",
        service=group.service,
        partner_id=group.partner_id,
        partner=waiting.lines[0].customer_name,
        period_start=group.billing_period_start,
        period_end=group.billing_period_end,
        currency=group.currency,
        move_type=None,
        totals=None,
        lines=tuple(
            ReportLine(
                line_key=line.line_key,
                description=line.description,
                quantity=line.quantity,
                unit_price=line.unit_price,
                amount=line.amount,
                tax_ids=line.tax_ids,
            )
            for line in waiting.lines
        ),
        reason=waiting.reason,
    )


def from_ledger(
    publications: Iterable[Publication], reasons: Mapping[str, str]
) -> list[ReportDocument]:
    """Documents as the ledger has them, with the reasons of this run."""
    return [_from_ledger(document, reasons) for document in publications]


def _from_ledger(document: Publication, reasons: Mapping[str, str]) -> ReportDocument:
    row = document.row
    return ReportDocument(
        key=document.document_key,
        state=document.state,
        service=document.service,
        partner_id=document.partner_id,
        partner=row["customer_name"] or str(document.partner_id),
        period_start=row["billing_period_start"],
        period_end=row["billing_period_end"],
        currency=document.currency,
        move_type=document.move_type,
        totals=document.expected,
        lines=tuple(
            ReportLine(
                line_key=line_key,
                description=cells["name"],
                quantity=Decimal(cells["quantity"]),
                unit_price=Decimal(cells["price_unit"]),
                amount=_same_scale(
                    Decimal(cells["quantity"]) * Decimal(cells["price_unit"]), document.expected
                ),
                tax_ids=tuple(int(i) for i in cells["tax_ids/.id"].split(",") if i),
            )
            for line_key, cells in zip(document.line_keys, document.line_cells, strict=True)
        ),
        odoo_id=document.odoo_id,
        reason=reasons.get(document.document_key),
    )


def _same_scale(amount: Decimal, totals: Totals) -> Decimal:
    exponent = totals.untaxed.as_tuple().exponent
    return round_half_up(amount, -exponent) if isinstance(exponent, int) else amount
