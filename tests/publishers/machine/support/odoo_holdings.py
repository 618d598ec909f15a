"""What Odoo holds of ours, and what the ledger says of it, by stretch of service time.

In: a running Odoo, and the ledgers of every warehouse that ever published to it. Out: amounts by
subscription, charge and time. A document that a ledger has forgotten since is still known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from batch_world import BatchWorld
from recon_world import NAME

from connections.odoo import OdooPort

CREDIT = "credit"


class Stretch(NamedTuple):
    """An amount for one charge of one stretch of service time, and where it stands."""

    subscription: str
    charge: str
    start: datetime
    end: datetime
    amount: Decimal
    where: str


class Frozen(NamedTuple):
    """A line as a ledger froze it."""

    subscription: str
    charge: str
    start: datetime
    end: datetime
    amount: Decimal
    kind: str


LEDGER = """
select
    lines.document_key, lines.external_subscription_id as subscription, lines.charge, lines.kind,
    lines.service_period_start as start, lines.service_period_end as "end", lines.amount
from ops.publication_lines as lines
inner join ops.publications using (document_key)
where {condition}
order by lines.document_key, lines.line_number
"""


@dataclass
class Holdings:
    """Moves of ours by Odoo's id; each is bound to the lines with which it was created."""

    world: BatchWorld
    odoo: OdooPort
    bound: dict[int, list[Frozen]] = field(default_factory=dict)
    moves: dict[int, dict[str, Any]] = field(default_factory=dict)
    amounts: dict[int, list[Decimal]] = field(default_factory=dict)

    def look(self, *warehouses: str) -> None:
        """Read Odoo; what is new there was made by runs on these warehouses, first of all one."""
        found = self.odoo.search_read(
            "account.move",
            [("ref", "=like", "nexacloud-%")],
            ["ref", "state", "move_type", "partner_id", "payment_state", "amount_total"],
            order="id",
        )
        self.moves = {int(move["id"]): move for move in found}
        self.amounts = self._amounts()
        new = [number for number in self.moves if number not in self.bound]
        if new:
            frozen: dict[str, list[Frozen]] = {}
            for name in warehouses or (NAME,):
                frozen = self._frozen(name) | frozen
            self.bound |= {number: frozen[self.moves[number]["ref"]] for number in new}

    def _amounts(self) -> dict[int, list[Decimal]]:
        rows = self.odoo.search_read(
            "account.move.line",
            [("move_id", "in", list(self.moves)), ("display_type", "=", "product")],
            ["move_id", "price_subtotal"],
            order="id",
        )
        amounts: dict[int, list[Decimal]] = {number: [] for number in self.moves}
        for row in rows:
            number = int(row["move_id"][0])
            sign = -1 if self.moves[number]["move_type"] == "out_refund" else 1
            amounts[number].append(sign * Decimal(str(row["price_subtotal"])))
        return amounts

    def _frozen(self, warehouse: str) -> dict[str, list[Frozen]]:
        return _by_document(self.world.query_in(warehouse, LEDGER.format(condition="true")))

    def in_odoo(self, edited: Iterable[str]) -> list[Stretch]:
        """What counts in Odoo now. What a person edited, and is told of, counts as it was sent."""
        as_sent, held = set(edited), list[Stretch]()
        for number, move in self.moves.items():
            if move["state"] == "cancel":
                continue
            lines, amounts = self.bound[number], self.amounts[number]
            if move["ref"] in as_sent:
                amounts = [line.amount for line in lines]
            held += [
                Stretch(*line[:4], amount, move["ref"])
                for line, amount in zip(lines, amounts, strict=True)
                if line.kind != CREDIT
            ]
        return held

    def in_ledger(self) -> list[Stretch]:
        """What the ledger counts as billed, and what Odoo holds that the ledger has forgotten."""
        live = self.world.query(LEDGER.format(condition="lines.released_at is null"))
        known = {row["document_key"] for row in live}
        forgotten = {
            number: self.bound[number]
            for number, move in self.moves.items()
            if move["ref"] not in known and move["state"] != "cancel"
        }
        stretches = [
            Stretch(*line[:4], line.amount, key)
            for key, lines in _by_document(live).items()
            for line in lines
            if line.kind != CREDIT
        ]
        return stretches + [
            Stretch(*line[:4], line.amount, self.moves[number]["ref"])
            for number, lines in forgotten.items()
            for line in lines
            if line.kind != CREDIT
        ]


def _by_document(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Frozen]]:
    documents: dict[str, list[Frozen]] = {}
    for row in rows:
        frozen = Frozen(*(row[name] for name in Frozen._fields))
        documents.setdefault(row["document_key"], []).append(frozen)
    return documents
