"""The four forms of a case: which rows it becomes, and where in the models its answer stands.

In: one case. Out: rows of raw_nexacloud tables and of the price book's seeds; the answer read back
from int_subscription_periods, int_rated_lines and the new lines of fct_invoice_lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

from case_calendar import Span, interval_of, local_midnight, zone_of_midnight
from case_keys import CaseError, demand_known_keys
from rating_world import World

Case = Mapping[str, Any]
Row = dict[str, Any]
Steps = list[list[Row]]

RATES = ("rate_percent", "rate", "percent", "percentage")
AGGREGATIONS = {"unique_count": "unique", "count_unique": "unique", "latest": "last"}
MODELS = {"per_unit": "per_unit", "unit": "per_unit", "standard": "standard"}


@dataclass(frozen=True)
class Group:
    """Policies that one build can rate together."""

    timezone: str
    period_rule: str
    proration: str


def instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def agreed(expected: Decimal, exact: Decimal, amount: Decimal) -> Decimal:
    """The expected number, where it is the exact one, or, given in cents, the rounded one."""
    if exact == expected or (_decimals(expected) <= 2 and amount == expected):
        return expected
    return exact


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(-int(exponent), 0)


class Form:
    """A case as one subscription of NexaCloud, with a plan of its own."""

    marks: ClassVar[frozenset[str]]
    rule = "calendar"
    policy = "day"
    phase_count = 1

    def __init__(self, case: Case) -> None:
        demand_known_keys(type(self).__name__, case)
        self.case = case
        self.id = str(case["id"])
        self.zone = str(case.get("timezone") or "UTC")
        self.currency = str(case.get("currency") or "CAD")

    @classmethod
    def fits(cls, case: Case) -> bool:
        return cls.marks <= set(case)

    def group(self) -> Group:
        return Group(self.zone, self.rule, self.policy)

    # What the subscription is; each form says.
    interval = "month"
    price: Decimal = Decimal(0)
    started_at: datetime
    cancelled_at: datetime | None = None
    trial_ends_at: datetime | None = None

    def rows(self, table: str) -> Iterator[Row]:
        created = {"created_at": self.started_at, "updated_at": datetime(2000, 1, 1, tzinfo=UTC)}
        if table == "plans":
            yield {
                "id": self.id,
                "code": self.id,
                "name": self.id,
                "price": self.price,
                "currency": self.currency,
                "billing_interval": self.interval,
                "included_cpu_seconds": 0,
                "overage_price_per_cpu_second": 0,
                **created,
            }
        else:
            yield {
                "id": self.id,
                "user_id": "u1",
                "plan_id": self.id,
                "status": "cancelled" if self.cancelled_at else "active",
                "started_at": self.started_at,
                "trial_ends_at": self.trial_ends_at,
                "cancelled_at": self.cancelled_at,
                **created,
            }

    def seed_rows(self, seed: str) -> Iterable[Row]:
        return []

    def metrics(self) -> Iterable[tuple[str, str]]:
        return []

    def usage(self, phase: int) -> Iterable[Row]:
        return []

    def restarts(self, phase: int) -> bool:
        """Whether what was measured before this phase is withdrawn."""
        return False

    def horizon(self) -> datetime:
        """The last instant that the case speaks of."""
        raise NotImplementedError

    def expected(self) -> Any:
        raise NotImplementedError

    def found(self, world: World, steps: Steps) -> Any:
        raise NotImplementedError

    def evidence(self, world: World) -> list[Row]:
        """What to show when a case fails and made no line."""
        return world.query(
            "select * from intermediate.int_rated_lines where external_subscription_id = %s",
            self.id,
        )

    def record(self, metric: str, quantity: Any, at: datetime, key: str) -> Row:
        return {
            "subscription_id": self.id,
            "metric": metric,
            "quantity": quantity,
            "window_start": at,
            "window_end": at,
            "idempotency_key": key,
            "created_at": at,
        }


class ChargeModelForm(Form):
    """Units under a charge model, at once or in phases that are billed in between."""

    marks = frozenset({"model", "params"})
    metric = "units"

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.params = dict(case["params"])
        self.phases = list(case.get("phases") or [])
        self.phase_count = max(len(self.phases), 1)
        self.started_at = local_midnight(date(2026, 1, 1), self.zone)

    def metrics(self) -> Iterable[tuple[str, str]]:
        return [(self.metric, "sum")]

    def seed_rows(self, seed: str) -> Iterable[Row]:
        charge = {"service": "nexacloud", "plan_code": self.id, "charge": self.metric}
        return [self._charge(charge)] if seed == "charges" else self._tiers(charge)

    def _charge(self, charge: Row) -> Row:
        given = self.params
        model = str(self.case["model"])
        rate = next((given[name] for name in RATES if given.get(name) is not None), None)
        return {
            **charge,
            "metric": self.metric,
            "charge_model": MODELS.get(model, model),
            "currency": self.currency,
            "included_quantity": decimal(given.get("free_units", given.get("included_quantity"))),
            "minimum": decimal(given.get("minimum_amount")),
            "maximum": decimal(given.get("maximum_amount")),
            "package_size": decimal(given.get("package_size")),
            "unit_price": decimal(given.get("unit_price")),
            "rate_percent": decimal(rate),
        }

    def _tiers(self, charge: Row) -> Iterable[Row]:
        return [
            {
                **charge,
                "tier_to": decimal(tier.get("to")),
                "unit_price": decimal(tier.get("unit_price")),
                "flat_fee": decimal(tier.get("flat_fee")),
            }
            for tier in self.params.get("tiers") or []
        ]

    def _cumulative(self, phase: int) -> Decimal:
        if phase < 0:
            return Decimal(0)
        if self.phases:
            return Decimal(str(self.phases[phase]["cumulative_units"]))
        return Decimal(str(self.case["usage_units"]))

    def restarts(self, phase: int) -> bool:
        is_later = 0 < phase < self.phase_count
        return is_later and self._cumulative(phase) < self._cumulative(phase - 1)

    def usage(self, phase: int) -> Iterable[Row]:
        if phase >= self.phase_count:
            return []
        units = self._cumulative(phase)
        more = units if self.restarts(phase) else units - self._cumulative(phase - 1)
        at = self.started_at + timedelta(days=10, hours=phase)
        return [self.record(self.metric, more, at, f"{self.id}-{phase}")] if more else []

    def horizon(self) -> datetime:
        return self.started_at + timedelta(days=40)

    def expected(self) -> list[Decimal]:
        wanted = self.phases or [self.case]
        return [Decimal(str(step["expected_amount"])) for step in wanted]

    def found(self, world: World, steps: Steps) -> list[Decimal]:
        totals = [self._total(step) for step in steps]
        return [agreed(want, *total) for want, total in zip(self.expected(), totals, strict=True)]

    def _total(self, lines: list[Row]) -> tuple[Decimal, Decimal]:
        """Exact and rounded amount of a step; a minimum replaces the exact usage."""
        mine = [
            line
            for line in lines
            if line["charge"] == self.metric and line["service_period_start"] == self.started_at
        ]
        rounded = sum((line["amount"] for line in mine), Decimal(0))
        has_minimum = any(line["kind"] == "minimum" for line in mine)
        exact = sum(
            line["amount" if has_minimum and line["kind"] == "usage" else "exact_amount"]
            for line in mine
        )
        return Decimal(exact), rounded


class PeriodForm(Form):
    """Boundaries that the period table must have."""

    marks = frozenset({"anchor", "interval", "period_rule"})

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.rule = str(case["period_rule"])
        self.interval = str(case["interval"])
        self.started_at = instant(case["anchor"])
        self.bounds = {
            name: instant(case[name]) for name in ("period_start", "period_end") if case.get(name)
        }

    def horizon(self) -> datetime:
        return max(self.started_at, *self.bounds.values())

    def expected(self) -> dict[str, datetime]:
        return self.bounds

    def found(self, world: World, steps: Steps) -> dict[str, datetime]:
        conditions = " and ".join(f"{name} = %s" for name in self.bounds)
        periods = world.query(
            "select period_start, period_end from intermediate.int_subscription_periods"
            f" where subscription_id = %s and period_type in ('all', 'base') and {conditions}",
            f"nexacloud:{self.id}",
            *self.bounds.values(),
        )
        return {name: period[name] for period in periods[:1] for name in self.bounds}

    def evidence(self, world: World) -> list[Row]:
        near = next(iter(self.bounds.values()))
        return world.query(
            "select period_type, period_start, period_end"
            " from intermediate.int_subscription_periods where subscription_id = %s"
            " order by abs(extract(epoch from period_start - %s)) limit 6",
            f"nexacloud:{self.id}",
            near,
        )


class ProrationForm(Form):
    """A fee of a period of which only a part was held."""

    marks = frozenset({"policy", "amount", "period_start", "period_end"})

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.policy = str(case["policy"])
        self.price = Decimal(str(case["amount"]))
        span = self._span()
        # A period that begins at another hour is a period of the zone where it begins at midnight.
        self.zone = zone_of_midnight(span.start, self.zone)
        self.rule, self.interval = interval_of(span, self.zone)
        self.period_start = span.start
        self.started_at = span.held_from if self.rule == "calendar" else span.start
        if span.held_from > self.started_at:
            self.trial_ends_at = span.held_from  # a trial is free, and its end begins the fee
        if span.held_until < span.end:
            self.cancelled_at = span.held_until

    def _span(self) -> Span:
        case = self.case
        if self.policy == "second" or "T" in str(case["period_start"]):
            start, end = instant(case["period_start"]), instant(case["period_end"])
            held = (case.get("held_from"), case.get("held_to"))
            return Span(start, end, *(instant(at) if at else start for at in held))
        start, end = (self._midnight(case[name]) for name in ("period_start", "period_end"))
        if not case.get("held_from"):
            return Span(start, self._after(case["period_end"]), start, start)
        held_from = self._midnight(case["held_from"])
        return Span(start, self._after(case["period_end"]), held_from, self._after(case["held_to"]))

    def _midnight(self, day: str) -> datetime:
        return local_midnight(date.fromisoformat(day), self.zone)

    def _after(self, day: str) -> datetime:
        return local_midnight(date.fromisoformat(day) + timedelta(days=1), self.zone)

    def rows(self, table: str) -> Iterator[Row]:
        for row in super().rows(table):
            yield row if table != "plans" else {**row, "price": None}

    def seed_rows(self, seed: str) -> Iterable[Row]:
        fee = {"service": "nexacloud", "plan_code": self.id, "currency": self.currency}
        return [{**fee, "base_fee": self.price}] if seed == "charges" else []

    def horizon(self) -> datetime:
        return self.period_start + timedelta(days=1)

    def expected(self) -> Decimal:
        return Decimal(str(self.case["expected_amount"]))

    def found(self, world: World, steps: Steps) -> Decimal:
        fees = [
            line
            for line in steps[0]
            if line["service_period_start"] == self.period_start and line["kind"] == "base"
        ]
        self._check_days(fees)
        return sum((line["amount"] for line in fees), Decimal(0))

    def _check_days(self, fees: list[Row]) -> None:
        """Where a case says its days, the line must have counted the same."""
        days = (self.case.get("billed_days"), self.case.get("period_days"))
        counted = {line["fraction"] for line in fees}
        if self.policy == "day" and None not in days and counted - {"{}/{}".format(*days)}:
            raise CaseError(f"counted {counted} days, the case says {days}")


class AggregationForm(Form):
    """Events that become one quantity."""

    marks = frozenset({"aggregation", "events"})
    rule = "calendar"
    # One period that holds everything: the subscription itself ends where the case's period ends.
    interval = "36500 days"

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.started_at = instant(case["period_start"])
        last = instant(case["period_end_inclusive"])
        self.cancelled_at = last + timedelta(microseconds=1)
        how = str(case["aggregation"])
        self.how = AGGREGATIONS.get(how, how)
        self.metric = f"metric_{self.how}"

    def metrics(self) -> Iterable[tuple[str, str]]:
        return [(self.metric, self.how)]

    def seed_rows(self, seed: str) -> Iterable[Row]:
        charge = {"service": "nexacloud", "plan_code": self.id, "metric": self.metric}
        terms = {"charge_model": "per_unit", "currency": self.currency, "unit_price": 1}
        return [{**charge, **terms}] if seed == "charges" else []

    def usage(self, phase: int) -> Iterable[Row]:
        for number, event in enumerate(self.case["events"] if phase == 0 else []):
            key, value = event.get("unique_key") or f"event-{number}", event.get("value") or 0
            # A unique count counts the key up to its #; every report of it is a record of its own.
            if self.how == "unique":
                is_keyed = bool(event.get("unique_key")) or event.get("value") is None
                is_thing = not is_keyed or not _is_number(str(value))
                key, value = f"{value if is_thing else key}#{number}", 1
            yield self.record(self.metric, Decimal(str(value)), instant(event["ts"]), key)

    def horizon(self) -> datetime:
        return max(instant(self.case["period_end_inclusive"]), self.started_at)

    def expected(self) -> Decimal:
        return decimal(self.case["expected_quantity"]) or Decimal(0)

    def found(self, world: World, steps: Steps) -> Decimal | None:
        rated = world.query(
            "select quantity, amount from intermediate.int_rated_lines"
            " where external_subscription_id = %s and metric = %s and kind = 'usage'",
            self.id,
            self.metric,
        )
        billed = [line["amount"] for line in steps[0] if line["metric"] == self.metric]
        quantity = sum((row["quantity"] for row in rated), Decimal(0))
        cents = quantity.quantize(Decimal("0.01"), ROUND_HALF_UP)
        # The invoice line must carry the same quantity, at a price of 1.00 a unit.
        return quantity if sum(billed, Decimal(0)) == max(cents, Decimal(0)) else None


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).lstrip("-").isdigit()


FORMS: tuple[type[Form], ...] = (ChargeModelForm, PeriodForm, AggregationForm, ProrationForm)
