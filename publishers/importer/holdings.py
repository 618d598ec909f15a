"""What Odoo holds of the records that are proposed, asked now: the warehouse's copy is older.

In: records. Out: for each its Odoo id and its values as text, or why no one record is it. A record
of ours is known by its external id, read back from Odoo; another's by its natural key.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connections.odoo import Record as OdooRecord
from publishers.importer.guard import ORDER_LINE, ShadowPort
from publishers.importer.kinds import EXTERNAL_ID_MODULE, LINE, FieldSpec, Kind
from publishers.importer.records import Record

PAGE = 2000
# Each is a leaf of its own in the domain: capitals do not tell addresses apart.
EMAILS_PER_QUESTION = 200
# Of a customer: the pricelist that Odoo would give to his next order.
PRICELIST = "property_product_pricelist"


@dataclass(frozen=True)
class Holding:
    """A record as Odoo holds it. `line_id`: an order's line that is ours to write.

    `currency`: an order's. `pricelist_id`: a customer's, where it was asked for.
    """

    odoo_id: int
    values: Mapping[str, str | None]
    is_ours: bool = False
    line_id: int | None = None
    state: str | None = None
    filled: tuple[str, ...] = ()
    variant_id: int | None = None
    currency: str | None = None
    pricelist_id: int | None = None


@dataclass
class Holdings:
    """What is there, by import key; `doubts` are the records that no one Odoo record is."""

    found: dict[str, Holding] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)

    def reference(self, key: str, field_name: str) -> str | None:
        """The id by which others refer to a record; order lines name a product's variant."""
        holding = self.found.get(key)
        if holding is None:
            return None
        wants_variant = field_name == f"{LINE}product_id"
        return str(holding.variant_id if wants_variant else holding.odoo_id)


class Reader:
    """Reads the records of one kind after the other: later kinds refer to earlier ones."""

    def __init__(self, port: ShadowPort, fields: Mapping[str, set[str]], into: Holdings) -> None:
        self._port, self._fields, self.holdings = port, fields, into

    def read(self, kind: Kind, records: Sequence[Record], known: Mapping[str, int]) -> None:
        """Find `records` and read them. `known`: Odoo ids of the importer's ledger."""
        own = self.own(kind)
        ids = {r.import_key: own.get(r.external_id) for r in records}
        strangers = [r for r in records if ids[r.import_key] is None]
        matched = self._matched(kind, strangers, set(own.values()), known)
        ids |= {key: odoo_id for key, odoo_id in matched.items() if odoo_id}
        if kind.name == "partner":
            ids |= {r.import_key: r.known_odoo_id for r in records if r.known_odoo_id}
        wanted = {odoo_id for odoo_id in ids.values() if odoo_id}
        holdings = self.by_id(kind, wanted, frozenset(own.values()))
        for key, odoo_id in ids.items():
            if odoo_id in holdings:
                self.holdings.found[key] = holdings[odoo_id]
                self.holdings.doubts.pop(key, None)

    def own(self, kind: Kind) -> dict[str, int]:
        """External id -> Odoo id of all that an import made: the mapping, as Odoo has it."""
        prefix = f"{EXTERNAL_ID_MODULE}."
        return {
            name: odoo_id
            for page in _pages(self._port.search(kind.model, []))
            for odoo_id, name in self._port.external_ids(kind.model, page).items()
            if name.startswith(prefix)
        }

    # ------------------------------------------------------------------ what others made

    def _matched(
        self, kind: Kind, records: Sequence[Record], own: set[int], known: Mapping[str, int]
    ) -> dict[str, int | None]:
        """By natural key. Of several only the one that the ledger knows already is meant."""
        candidates = self._candidates(kind, records)
        matched: dict[str, int | None] = {}
        for record in records:
            found = [row for row in candidates[self._key(record)] if row["id"] not in own]
            live = [row for row in found if row.get("active", True)] or found
            ids = [row["id"] for row in live]
            if known.get(record.import_key) in ids:
                matched[record.import_key] = known[record.import_key]
            elif len(ids) == 1:
                matched[record.import_key] = ids[0]
            elif ids:
                listed = ", ".join(map(str, ids))
                self.holdings.doubts[record.import_key] = (
                    f"several {kind.title} are it in Odoo ({listed}): archive all but one"
                )
        if kind.name == "partner":
            self._doubt_lookalikes(records, matched)
        return matched

    def _candidates(
        self, kind: Kind, records: Sequence[Record]
    ) -> defaultdict[tuple[str | None, ...], list[OdooRecord]]:
        names = [name for name in kind.natural_key if name in self._fields[kind.model]]
        found: defaultdict[tuple[str | None, ...], list[OdooRecord]] = defaultdict(list)
        if len(names) < len(kind.natural_key):
            return found
        values = sorted({r.wanted[names[0]] or "" for r in records} - {""})
        more = [] if kind.archived_by == "cancel" else ["active"]
        fields = [*names, *(name for name in more if name in self._fields[kind.model])]
        for page in _pages(values):
            domain: list[Any] = [(names[0], "in", page)]
            domain += [("state", "!=", "cancel")] if kind.archived_by == "cancel" else []
            for row in self._port.search_read(kind.model, domain, fields):
                found[tuple(_text(kind.spec(name), row[name]) for name in names)].append(row)
        return found

    def _key(self, record: Record) -> tuple[str | None, ...]:
        key: list[str | None] = []
        for name in record.kind.natural_key:
            value, spec = record.wanted.get(name), record.kind.spec(name)
            if spec.type == "reference" and value:
                value = self.holdings.reference(value, name)
            key.append(value)
        return tuple(key)

    def _doubt_lookalikes(
        self, records: Sequence[Record], matched: Mapping[str, int | None]
    ) -> None:
        """Nobody is created whose e-mail a partner has: who came since the load may be it."""
        unknown = [r for r in records if not (r.known_odoo_id or matched.get(r.import_key))]
        emails = {(r.wanted["email"] or "").lower(): r for r in unknown if r.wanted["email"]}
        for page in _pages(sorted(emails), EMAILS_PER_QUESTION):
            for row in self._port.search_read("res.partner", _any_email(page), ["email"]):
                record = emails.get(str(row["email"]).strip().lower())
                if record is not None:
                    self.holdings.doubts[record.import_key] = (
                        f"partner {row['id']} has its e-mail and was not there at the last load:"
                        " run `billing run`, which says who it is"
                    )

    # ------------------------------------------------------------------ values

    def by_id(
        self, kind: Kind, ids: Iterable[int], own: frozenset[int] = frozenset()
    ) -> dict[int, Holding]:
        """The records that exist, by Odoo id."""
        has = self._fields[kind.model]
        specs = [s for s in kind.fields if not s.is_of_line and s.name in has]
        more = ["state", "order_line", "product_variant_ids", PRICELIST, *kind.must_be_empty]
        more += ["currency_id"] if kind.archived_by == "cancel" else []
        names = [*(s.name for s in specs), *(name for name in more if name in has)]
        rows = [
            row
            for page in _pages(sorted(ids))
            for row in self._port.search_read(kind.model, [("id", "in", page)], names)
        ]
        lines = self._lines(kind, rows)
        return {row["id"]: self._holding(kind, row, lines.get(row["id"]), own) for row in rows}

    def _lines(self, kind: Kind, rows: Sequence[OdooRecord]) -> dict[int, OdooRecord]:
        """The first product line of each order."""
        specs = [spec for spec in kind.fields if spec.is_of_line]
        if not specs:
            return {}
        fields = ["order_id", *(spec.name.removeprefix(LINE) for spec in specs)]
        lines: dict[int, OdooRecord] = {}
        for page in _pages([row["id"] for row in rows]):
            domain = [("order_id", "in", page), ("display_type", "=", False)]
            for line in self._port.search_read(ORDER_LINE, domain, fields):
                lines.setdefault(line["order_id"][0], line)
        return lines

    def _holding(
        self, kind: Kind, row: OdooRecord, line: OdooRecord | None, own: frozenset[int]
    ) -> Holding:
        values: dict[str, str | None] = {}
        is_order = kind.archived_by == "cancel"
        for spec in kind.fields:
            source = (line or {}) if spec.is_of_line else row
            raw = source.get(spec.name.removeprefix(LINE), False)
            values[spec.name] = _text(spec, raw)
        if is_order:
            values["active"] = "0" if row["state"] == "cancel" else "1"
        variants, pricelist = row.get("product_variant_ids") or [], row.get(PRICELIST)
        return Holding(
            odoo_id=row["id"],
            values=values,
            is_ours=row["id"] in own,
            line_id=line["id"] if line else None,
            state=row.get("state"),
            filled=tuple(name for name in kind.must_be_empty if row.get(name)),
            variant_id=variants[0] if variants else None,
            currency=str(row["currency_id"][1]).upper() if is_order else None,
            pricelist_id=pricelist[0] if pricelist else None,
        )


def _any_email(emails: Sequence[str]) -> list[Any]:
    leaves = [("email", "=ilike", email) for email in emails]
    return ["|"] * (len(leaves) - 1) + leaves


def _text(spec: FieldSpec, raw: Any) -> str | None:
    """A value of Odoo as the importer compares it."""
    if spec.type == "flag":
        return "1" if raw else "0"
    if spec.type == "number":
        return plain_number(Decimal(str(raw or 0)))
    if raw is False or raw is None or raw == "":
        return None
    return str(raw[0]) if isinstance(raw, list | tuple) else str(raw)


def plain_number(number: Decimal) -> str:
    """One spelling for equal numbers: 10.00 and 1E+1 are both 10."""
    text = format(number, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _pages(items: Sequence[Any], size: int = PAGE) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
