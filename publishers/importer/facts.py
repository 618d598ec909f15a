"""What must be known of this Odoo before anything is proposed: models, fields, places, currencies.

In: a port. Out: which kinds it can hold and what is left out, and the ids behind codes. A province
is looked up within its country: its code alone names another one's in half of all cases.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from connections.errors import OdooModelMissing, OdooPermanentError
from publishers.importer.guard import ORDER_LINE, ShadowPort
from publishers.importer.holdings import plain_number
from publishers.importer.kinds import KINDS, LINE, PRODUCT_TAX, FieldSpec, Kind
from publishers.importer.records import Record

CANADA = "CA"
# More than any price or quantity has; where Odoo says False it keeps what is sent.
MOST_DIGITS = 6


class WrongValue(ValueError):
    """A code that this Odoo has no record for; the message names it and what to do."""


@dataclass
class Facts:
    """One Odoo, as the importer sees it. `left_out`: kinds it cannot hold, with the reason."""

    currency: str
    fields: dict[str, set[str]] = field(default_factory=dict)
    digits: dict[tuple[str, str], int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    countries: dict[str, int] = field(default_factory=dict)
    states: dict[tuple[int, str], int] = field(default_factory=dict)
    currencies: dict[str, int] = field(default_factory=dict)
    pricelists: dict[int, str] = field(default_factory=dict)
    product_tax: str = ""

    def kinds(self) -> list[Kind]:
        """The kinds that this Odoo can hold."""
        return [kind for kind in KINDS if kind.name not in self.left_out]

    def has(self, kind: Kind, spec: FieldSpec) -> bool:
        """Does this Odoo have the field? An order is active while it is not cancelled."""
        if spec.is_of_line:
            return spec.name.removeprefix(LINE) in self.fields[ORDER_LINE]
        is_state = spec.name == "active" and kind.archived_by == "cancel"
        return is_state or spec.name in self.fields[kind.model]

    def constants(self, kind: Kind) -> dict[str, str]:
        """What a new record gets besides its compared fields."""
        more = {PRODUCT_TAX: self.product_tax} if kind.name == "product" else {}
        own = {n: v for n, v in kind.constants.items() if self._has_constant(kind, n)}
        return {**own, **more}

    def _has_constant(self, kind: Kind, name: str) -> bool:
        model = ORDER_LINE if name.startswith(LINE) else kind.model
        return name.removeprefix(LINE) in self.fields[model]

    def value(self, record: Record, spec: FieldSpec) -> str | None:
        """The wanted value as Odoo keeps it; references stay. Raises WrongValue."""
        text = record.wanted[spec.name]
        if text is None:
            return None
        if spec.type == "number":
            return self._number(record.kind, spec, text)
        if spec.type == "currency":
            return self._id(self.currencies, text.upper(), f"currency {text}", "activate it there")
        if spec.type == "country":
            return self._id(self.countries, text, f"country {text}", "correct it in the app")
        return self._state(record, text) if spec.type == "state" else text

    def _number(self, kind: Kind, spec: FieldSpec, text: str) -> str:
        model = ORDER_LINE if spec.is_of_line else kind.model
        digits = self.digits.get((model, spec.name.removeprefix(LINE)), MOST_DIGITS)
        step = Decimal(1).scaleb(-digits)
        return plain_number(Decimal(text).quantize(step, ROUND_HALF_UP))

    def _id(self, ids: Mapping[str, int], code: str, what: str, fix: str) -> str:
        if code not in ids:
            raise WrongValue(f"Odoo has no {what}: {fix}")
        return str(ids[code])

    def _state(self, record: Record, text: str) -> str | None:
        country = self.countries.get(record.wanted["country_id"] or "")
        state = self.states.get((country, text.lower())) if country else None
        return str(state) if state else None

    def place_problem(self, record: Record) -> str | None:
        """Odoo would charge no tax at all to a Canadian without a province."""
        if record.kind.name != "partner" or record.wanted["country_id"] != CANADA:
            return None
        if record.wanted["state_id"] is None:
            return "the account is in Canada and names no province: enter it in the app"
        if self._state(record, record.wanted["state_id"]) is None:
            return f"Canada has no province {record.wanted['state_id']}: correct it in the app"
        return None


def read_facts(port: ShadowPort, records: Sequence[Record]) -> Facts:
    """Ask Odoo once per run. Raises OdooPermanentError where the company is unknown."""
    facts = look_at_kinds(port)
    _read_company(port, facts)
    _read_places(port, records, facts)
    for row in port.search_read("res.currency", [("active", "=", True)], ["name"]):
        facts.currencies[row["name"].upper()] = row["id"]
    return facts


def look_at_kinds(port: ShadowPort) -> Facts:
    """Which kinds this Odoo can hold, with which fields; without companies and places."""
    facts = Facts(currency="")
    for kind in KINDS:
        _look_at(port, kind, facts)
    for kind in KINDS:
        _follow(kind, facts)
    return facts


def _look_at(port: ShadowPort, kind: Kind, facts: Facts) -> None:
    own = {spec.name for spec in kind.fields if not spec.is_of_line} | set(kind.must_be_empty)
    own |= {name for name in kind.constants if not name.startswith(LINE)}
    own |= {"state", "order_line", "currency_id"} if kind.archived_by == "cancel" else set()
    own |= {"product_variant_ids"} if kind.name == "product" else set()
    asked = {kind.model: own}
    if lines := {spec.name.removeprefix(LINE) for spec in kind.fields if spec.is_of_line}:
        asked[ORDER_LINE] = lines | {
            name.removeprefix(LINE) for name in kind.constants if name.startswith(LINE)
        }
    for model, names in asked.items():
        try:
            found = port.fields_get(model, names)
        except OdooModelMissing:
            facts.left_out[kind.name] = f"this Odoo has no {model}"
            return
        facts.fields[model] = set(found)
        for name, attributes in found.items():
            if attributes.get("digits"):
                facts.digits[model, name] = int(attributes["digits"][1])
    missing = [s.name for s in kind.fields if not s.is_optional and not facts.has(kind, s)]
    if missing:
        facts.left_out[kind.name] = f"{kind.model} has no {', '.join(missing)} here"
    for spec in kind.fields:
        if spec.is_optional and not facts.has(kind, spec):
            facts.notes.append(f"{kind.model} has no {spec.name} here: written without it")


def _follow(kind: Kind, facts: Facts) -> None:
    """A kind that refers to one that is left out is left out with it."""
    names = {"service_id": "service", "metric_id": "metric"}
    for spec in kind.fields:
        needed = names.get(spec.name)
        if needed in facts.left_out and kind.name not in facts.left_out:
            facts.left_out[kind.name] = facts.left_out[needed]


def _read_company(port: ShadowPort, facts: Facts) -> None:
    wanted = ["currency_id", "account_sale_tax_id"]
    names = [name for name in wanted if name in port.fields_get("res.company", wanted)]
    found = port.search_read("res.company", [("id", "=", port.company_id)], names)
    if not found:
        raise OdooPermanentError(
            f"company {port.company_id} does not exist in Odoo: set ODOO_COMPANY_ID"
        )
    facts.currency = str(found[0]["currency_id"][1]).upper()
    tax = found[0].get("account_sale_tax_id")
    facts.product_tax = str(tax[0]) if tax else ""


def _read_places(port: ShadowPort, records: Sequence[Record], facts: Facts) -> None:
    codes = sorted({r.wanted["country_id"] or "" for r in records if r.kind.name == "partner"})
    for row in port.search_read("res.country", [("code", "in", codes)], ["code"]):
        facts.countries[row["code"]] = row["id"]
    domain = [("country_id", "in", sorted(facts.countries.values()))]
    for row in port.search_read("res.country.state", domain, ["code", "name", "country_id"]):
        country = row["country_id"][0]
        facts.states[country, row["name"].lower()] = row["id"]
        facts.states[country, row["code"].lower()] = row["id"]
