"""A line's story as a card that can be read: from the period to the cent.

In: a row of rpt_line_story. Out: HTML. Facts of the warehouse are JSON there; none is shown as
JSON here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from html import escape
from typing import Any

from dashboards import formats as f
from dashboards import layout as ui
from dashboards import links
from dashboards.data import Row
from dashboards.layout import Column

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
Facts = Mapping[str, Any]
TIERS = (
    Column("tier", "Tier", "quantity"),
    Column("from", "Beyond", "quantity"),
    Column("to", "Up to", "quantity"),
    Column("units", "Units", "quantity"),
    Column("unit_price", "Price", "price"),
    Column("flat_fee", "Flat fee", "quantity"),
    Column("amount", "Amount", "quantity"),
)
LEFT_OUT = (
    Column("usage", "Record", "tight"),
    Column("at", "At", "instant"),
    Column("quantity", "Quantity", "quantity"),
    Column("reason", "Why not", "status"),
    Column("counted_instead", "Counted instead", "tight"),
)
DECISIONS = (
    Column("at", "When", "instant"),
    Column("decision", "Decision", "status"),
    Column("by", "Who"),
    Column("note", "Note", "wide"),
)
NUMBERS = frozenset({"tier", "from", "to", "units", "unit_price", "flat_fee", "amount", "quantity"})


def card(story: Row) -> str:
    """The whole story, top to bottom, as an auditor asks."""
    title = story["description"] or f"{f.words(story['kind'])} {story['charge']}"
    head = f"<h3>{escape(title)}</h3>" + ui.facts(
        [
            (
                "Customer",
                story["customer_name"] or "",
                links.customer(story),
            ),
            ("Subscription", story["external_subscription_id"]),
            ("Line", story["line_key"]),
        ]
    )
    parts = "".join(f"<h4>{escape(name)}</h4>{body}" for name, body in _chapters(story) if body)
    return f'<article class="fb fb-card" data-story="{story["line_key"]}">{head}{parts}</article>'


def _chapters(story: Row) -> Iterator[tuple[str, str]]:
    yield "Period", _period(story)
    yield "Price", _price(story)
    yield "Usage", _usage(story)
    if story["tiers"]:
        yield "Tiers", ui.table_html(_typed(story["tiers"]), TIERS, "Tiers")
    yield "Correction", _correction(story)
    yield "Amount", _amount(story)
    yield "Taxes of this line", _taxes(story)
    yield "Decisions", _decisions(story)
    yield "In Odoo", _publication(story)


def _period(story: Row) -> str:
    period, segment = story["period"] or {}, story["segment"] or {}
    span = f"{_day(period.get('start'))} to {_last_day(period.get('end'))}"
    stream = period.get("stream")
    kind = None if stream == "all" else stream
    held = segment.get("numerator")
    return ui.facts(
        [
            ("Service period", span if period else _stored_span(story)),
            ("Rule", _joined(f.words(period.get("rule") or ""), period.get("time_zone"), kind)),
            ("Counted from", period.get("anchor_on") or ""),
            ("Plan", _joined(segment.get("plan"), "trial" if segment.get("is_trial") else None)),
            ("Held", f"{held} of {segment.get('denominator')}, by the {segment.get('proration')}"
             if held else ""),
            ("Billed in", f"{f.day(story['billing_period_start'])} to"
             f" {f.last_day(story['billing_period_end'])}"),
        ]
    )  # fmt: skip


def _stored_span(story: Row) -> str:
    return f"{f.day(story['service_period_start'])} to {f.last_day(story['service_period_end'])}"


def _price(story: Row) -> str:
    price: Facts = story["price"] or {}
    currency = story["currency"]
    named = [
        (f.words(name), _priced(name, Decimal(price[name]), currency))
        for name in ("base_fee", "unit_price", "package_size", "rate_percent", "minimum", "maximum")
        if price.get(name)
    ]
    assumed = "seen after the period began, taken to have held" if price.get("is_assumed") else ""
    model = f.words(price["charge_model"]) if price.get("charge_model") else ""
    version = _joined(_readable(price.get("version") or ""), assumed)
    rule = _readable(story["rule"] or "")
    return ui.facts([("Source", version), ("Model", model), *named, ("Rule", rule)])


def _priced(name: str, value: Decimal, currency: str) -> str:
    """A part of a price in its own unit; a unit's price keeps all its digits."""
    match name:
        case "unit_price":
            return f"{f.price(value)} {currency}"
        case "package_size":
            return f.quantity(value)
        case "rate_percent":
            return f"{f.quantity(value)}%"
        case _:
            return f.money(value, currency)


def _readable(text: str) -> str:
    """Times of the machine inside a sentence as the company's clock shows them."""
    shown = INSTANT.sub(lambda found: f.instant(f.parsed_instant(found[0])), text)
    return re.sub(r"\bodoo\b", "Odoo", shown)


def _usage(story: Row) -> str:
    counted: Facts = story["usage_counted"] or {}
    quota: Facts = story["quota"] or {}
    if not counted and not quota.get("metric"):
        return ""
    pairs = [
        ("Metric", _joined(f.words(quota.get("metric") or ""), quota.get("aggregation"))),
        ("Records", f"{counted.get('records', 0)}, from {_time(counted.get('first_at'))}"
         f" to {_time(counted.get('last_at'))}"),
        ("Held before", _reading(counted.get("carried_in"))),
        ("Used", _number(quota.get("used") or counted.get("sum"))),
        ("Included", _number(quota.get("included"))),
        ("Billable", _number(quota.get("billable"))),
    ]  # fmt: skip
    left_out = story["usage_left_out"]
    rest = ui.table_html(_typed(left_out), LEFT_OUT, "Left out") if left_out else ""
    note = f'<p class="fb-caption">{len(left_out)} left out:</p>' if left_out else ""
    return ui.facts(pairs) + note + rest


def _reading(reading: Facts | None) -> str:
    """What a gauge showed last before the segment began."""
    return f"{_number(reading['quantity'])} since {_time(reading['at'])}" if reading else ""


def _correction(story: Row) -> str:
    correction: Facts = story["correction"] or {}
    if not correction:
        return ""
    currency = story["currency"]
    return ui.facts(
        [
            ("Corrects", f.day(story["corrects_period_start"])),
            ("Rated now", f.money(Decimal(correction["rated_now"] or 0), currency)),
            ("Billed so far", f.money(Decimal(correction["billed"] or 0), currency)),
        ]
    )


def _amount(story: Row) -> str:
    currency = story["currency"]
    exact = f.quantity(story["exact_amount"])
    return (
        f'<div class="fb-sum">{escape(f.money(story["amount"], currency))}</div>'
        f'<p class="fb-caption">exactly {escape(exact)}; rounded once, half away from zero</p>'
        + _discount(story)
    )


def _discount(story: Row) -> str:
    rounding: Facts = story["rounding"] or {}
    granted: Facts = rounding.get("discount") or {}
    if not granted:
        return ""
    off = f"{granted['percent']}%" if "percent" in granted else _number(granted["amount"])
    return ui.facts(
        [
            ("Discount", f"{off}: {_number(rounding['discount_amount'])} {story['currency']}"),
            ("Granted", f"by {granted['granted_by']}: {granted['reason']}"),
        ]
    )


def _taxes(story: Row) -> str:
    currency = story["currency"]
    return (
        ui.facts(
            [
                (str(tax["name"]), f.money(Decimal(tax["amount"]), currency))
                for tax in story["taxes"] or []
            ]
        )
        if story["taxes"]
        else ""
    )


def _decisions(story: Row) -> str:
    decided = story["approvals"]
    if not decided:
        return '<p class="fb-caption">Nobody has decided about it yet.</p>'
    return ui.table_html(_typed(decided), DECISIONS, "Decisions")


def _publication(story: Row) -> str:
    found: Facts = story["publication"] or {}
    return (
        ui.facts(
            [
                (f.words(name), _readable(f.plain(value)))
                for name, value in found.items()
                if value not in (None, "")
            ]
        )
        if found
        else ""
    )


def _typed(facts: list[dict[str, Any]]) -> list[Row]:
    """JSON's strings as the numbers and times that they are."""
    return [{name: _value(name, value) for name, value in fact.items()} for fact in facts]


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in NUMBERS:
        return Decimal(str(value))
    return f.parsed_instant(value) if name == "at" or name.endswith("_at") else value


def _number(text: str | None) -> str:
    return f.quantity(Decimal(text)) if text else ""


def _day(text: str | None) -> str:
    return f.day(f.parsed_instant(text))


def _last_day(text: str | None) -> str:
    end = f.parsed_instant(text)
    return f.last_day(end) if end else f.NOTHING


def _time(text: str | None) -> str:
    return f.instant(f.parsed_instant(text))


def _joined(*parts: Any) -> str:
    return ", ".join(str(part) for part in parts if part)
