"""What Odoo holds now, and where it differs from what was frozen.

In: publications with their Odoo ids. Out: the move and its product lines as read, and a list of
differences with both values side by side; an empty list is the proof that a draft is right.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connections.odoo import OdooPort
from publishers.ledger import Publication

MOVE_FIELDS = (
    "name",
    "ref",
    "move_type",
    "state",
    "payment_state",
    "partner_id",
    "currency_id",
    "invoice_date",
    "invoice_date_due",
    "auto_post",
    "reversed_entry_id",
    "amount_untaxed",
    "amount_tax",
    "amount_total",
    "create_uid",
    "write_uid",
    "write_date",
)
LINE_FIELDS = ("move_id", "name", "quantity", "price_unit", "discount", "tax_ids", "product_id")
PAGE = 200
# A reason names so many differences; the event has them all.
SHOWN = 3


@dataclass(frozen=True)
class Move:
    """An account.move as read, with its product lines in the order in which they were created."""

    values: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]

    @property
    def observed(self) -> dict[str, Any]:
        """The columns of ops.publications that follow what Odoo holds."""
        return {
            "odoo_id": self.values["id"],
            "odoo_name": self.values["name"] or None,
            "odoo_state": self.values["state"],
            "odoo_payment_state": self.values["payment_state"] or None,
            "odoo_untaxed_amount": _number(self.values["amount_untaxed"]),
            "odoo_tax_amount": _number(self.values["amount_tax"]),
            "odoo_total_amount": _number(self.values["amount_total"]),
            "odoo_write_date": _time(self.values["write_date"]),
        }


def read_moves(port: OdooPort, ids: Sequence[int]) -> dict[int, Move]:
    """Moves by id; an id that is missing was deleted."""
    moves: dict[int, Move] = {}
    for start in range(0, len(ids), PAGE):
        page = list(ids[start : start + PAGE])
        lines = _lines(port, page)
        for values in port.search_read("account.move", [("id", "in", page)], list(MOVE_FIELDS)):
            moves[values["id"]] = Move(values, lines[values["id"]])
    return moves


def _lines(port: OdooPort, move_ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    found = port.search_read(
        "account.move.line",
        [("move_id", "in", move_ids), ("display_type", "=", "product")],
        list(LINE_FIELDS),
        order="id",
    )
    by_move: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for line in found:
        by_move[line["move_id"][0]].append(line)
    return by_move


def differences(publication: Publication, move: Move) -> list[dict[str, Any]]:
    """Where the move is not what was frozen: [{field, expected, found}, ...]."""
    pairs = {**_header_pairs(publication, move), **_line_pairs(publication, move)}
    return [
        {"field": name, "expected": _text(expected), "found": _text(found)}
        for name, (expected, found) in pairs.items()
        if expected != found
    ]


def in_words(differences: Sequence[Mapping[str, Any]]) -> str:
    """The differences as a person reads them; of many the first, and how many more there are."""
    shown = [
        f"{row['field']} {_short(row['expected'])} was approved, {_short(row['found'])} is there"
        for row in differences[:SHOWN]
    ]
    more = len(differences) - SHOWN
    return "; ".join([*shown, f"and {more} more"] if more > 0 else shown)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "nothing" if value is None or value is False else str(value)


def _header_pairs(publication: Publication, move: Move) -> dict[str, tuple[Any, Any]]:
    header, values = publication.header, move.values
    return {
        "ref": (header["ref"], values["ref"]),
        "move_type": (header["move_type"], values["move_type"]),
        "partner_id": (int(header["partner_id/.id"]), _id(values["partner_id"])),
        "currency_id": (int(header["currency_id/.id"]), _id(values["currency_id"])),
        "invoice_date": (header["invoice_date"], values["invoice_date"]),
        "invoice_date_due": (header["invoice_date_due"], values["invoice_date_due"]),
        # With it, Odoo's own scheduler would post the draft one day, and nobody would have.
        "auto_post": ("no", values["auto_post"]),
        "reversed_entry_id": (
            int(header.get("reversed_entry_id/.id") or 0) or None,
            _id(values["reversed_entry_id"]),
        ),
        "amount_untaxed": (publication.expected.untaxed, _number(values["amount_untaxed"])),
        "amount_tax": (publication.expected.tax, _number(values["amount_tax"])),
        "amount_total": (publication.expected.total, _number(values["amount_total"])),
        "lines": (len(publication.line_keys), len(move.lines)),
    }


def _line_pairs(publication: Publication, move: Move) -> dict[str, tuple[Any, Any]]:
    pairs: dict[str, tuple[Any, Any]] = {}
    # A different number of lines is a difference already; the pairs that exist still tell which.
    for number, (cells, line) in enumerate(
        zip(publication.line_cells, move.lines, strict=False), start=1
    ):
        taxes = sorted(int(tax_id) for tax_id in cells["tax_ids/.id"].split(",") if tax_id)
        pairs |= {
            f"line {number} name": (cells["name"], line["name"]),
            f"line {number} quantity": (Decimal(cells["quantity"]), _number(line["quantity"])),
            f"line {number} price": (Decimal(cells["price_unit"]), _number(line["price_unit"])),
            f"line {number} discount": (Decimal(0), _number(line["discount"])),
            f"line {number} taxes": (taxes, sorted(line["tax_ids"])),
            f"line {number} product": (
                int(cells["product_id/.id"] or 0) or None,
                _id(line["product_id"]),
            ),
        }
    return pairs


def _id(value: Any) -> int | None:
    """A many2one as Odoo sends it: [id, name], an id, or false."""
    if isinstance(value, list):
        return int(value[0])
    return int(value) if value else None


def _number(value: Any) -> Decimal:
    return Decimal(str(value))


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if value else None


def _text(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value
