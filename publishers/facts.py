"""What a run knows of Odoo, and whether lines can become a document there.

In: what preflight read. Out: for the lines of a document either nothing or the first problem, in
words that name the thing and how to fix it. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from publishers.lines import Line
from publishers.taxes import Digits, RoundingMethod, TaxComponent


@dataclass(frozen=True)
class Currency:
    """A currency of Odoo; `has_rate` also for the company's own."""

    currency_id: int
    name: str
    decimals: int
    is_active: bool
    has_rate: bool


@dataclass(frozen=True)
class OdooFacts:
    """What this run knows of Odoo. `problems` name what is wrong with an id, by kind of record."""

    company_id: int
    rounding_method: RoundingMethod
    digits: Digits
    journal_id: int | None
    currencies: dict[str, Currency]
    taxes: dict[int, tuple[TaxComponent, ...]]
    problems: dict[tuple[str, int], str]
    locked_until: date | None = None
    # Where Odoo books a line without a product.
    income_account: str | None = None
    # The right that the publishing user lacks, with how to fix it.
    denied: str | None = None
    # Set where the warehouse itself is too old to bill from.
    stale: str | None = None

    def problem_with(self, lines: Sequence[Line], today: date) -> str | None:
        """Why these lines cannot become a document, or None. The first problem is enough."""
        return self.run_problem(today) or next(
            (p for line in lines for p in self._line_problems(line) if p), None
        )

    def run_problem(self, today: date) -> str | None:
        """Why no line at all can become a document in this run, or None."""
        if self.stale or self.denied:
            return self.stale or self.denied
        if self.journal_id is None:
            return f"company {self.company_id} has no active sale journal in Odoo: create one"
        if self.locked_until and today <= self.locked_until:
            return (
                f"invoice date {today} is not after the lock date {self.locked_until}: Odoo would"
                " book it in another month; lift the lock or publish later"
            )
        return None

    def notes(self, lines: Sequence[Line]) -> list[str]:
        """What is right as it is and may surprise: where lines without a product are booked."""
        without = sum(not line.product_id for line in lines)
        if not without or self.journal_id is None:
            return []
        account = self.income_account or "no account: the sale journal has no default one"
        return [f"{without} of {len(lines)} lines have no product: Odoo books them on {account}"]

    def _line_problems(self, line: Line) -> Iterable[str | None]:
        yield self.problems.get(("partner", line.partner_id))
        yield self._currency_problem(line)
        if line.row.get("tax_ids", ()) is None:
            yield f"line {line.line_key}: its taxes are not resolved: fix the customer's province"
        for tax_id in line.tax_ids:
            yield self.problems.get(("tax", tax_id))
        yield self._rate_problem(line)
        if line.product_id:
            yield self.problems.get(("product", line.product_id))

    def _currency_problem(self, line: Line) -> str | None:
        currency = self.currencies.get(line.currency)
        if currency is None:
            return f"currency {line.currency} does not exist in Odoo: create it"
        if not currency.is_active:
            return f"currency {line.currency} is archived in Odoo: activate it"
        if not currency.has_rate:
            return f"currency {line.currency} has no rate in Odoo, which would take 1.0: enter one"
        if self.digits.price < currency.decimals:
            return (
                f"Odoo keeps {self.digits.price} decimals of a price and {line.currency} has"
                f" {currency.decimals}: raise the decimal accuracy of Product Price"
            )
        return None

    def _rate_problem(self, line: Line) -> str | None:
        """The rates that were approved must be the rates that Odoo applies now."""
        approved = line.row.get("tax_components")
        if approved is None or any(tax_id not in self.taxes for tax_id in line.tax_ids):
            return None
        known = sorted(Decimal(str(component["rate"])) for component in approved)
        actual = sorted(c.rate for tax_id in line.tax_ids for c in self.taxes[tax_id])
        if known == actual:
            return None
        return (
            f"line {line.line_key} was approved with tax rates {_list(known)} and Odoo applies"
            f" {_list(actual)}: load and build again"
        )


def _list(values: Iterable[Decimal]) -> str:
    return ", ".join(format(value.normalize(), "f") for value in values) or "none"
