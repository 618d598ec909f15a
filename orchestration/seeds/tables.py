"""The seeds that people edit, column by column: what each cell may say, which must be filled.

One list drives the header, the cells and the copies of a proposed price book.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.seeds import cells
from orchestration.seeds.cells import Judge, one_of
from orchestration.seeds.models import CHARGE_MODELS

CHARGES, TIERS, SERVICES, METRICS = "charges", "charge_tiers", "services", "metrics"
OVERRIDES, PRODUCTS, COSTS = "customer_overrides", "product_map", "unit_costs"
DISCOUNTS = "discounts"
AGGREGATIONS = (
    *("sum", "count", "max", "last", "unique"),
    *("time_weighted_hours", "time_weighted_days", "percentile_95"),
)


@dataclass(frozen=True)
class SeedTable:
    """A seed: its columns, those that every row fills, and those that make a row one of a kind
    (none where prices may follow each other: see overlaps).

    `optional` columns may be missing from the header of the project's own file.
    """

    columns: Mapping[str, Judge]
    filled: tuple[str, ...]
    key: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()

    def required(self, *, is_proposal: bool) -> frozenset[str]:
        """Columns that the header must name: a proposed book may leave out what it never fills."""
        if is_proposal:
            return frozenset(self.filled)
        return frozenset(self.columns) - self.optional


TABLES: dict[str, SeedTable] = {
    SERVICES: SeedTable(
        {
            "service": cells.anything,
            "valid_from": cells.day,
            "timezone": cells.zone,
            "period_rule": one_of("calendar", "anniversary"),
            "proration": one_of("day", "second", "none"),
            "duplicate_policy": one_of("first", "last"),
            "bill_suspended": cells.boolean,
            "usage_grace": cells.interval,
            "tolerance": cells.number,
            "dunning_grace_days": cells.days,
            "webhook_enabled": cells.boolean,
            "webhook_url_name": cells.setting_name,
            "webhook_secret_name": cells.setting_name,
        },
        filled=(
            *("service", "timezone", "period_rule", "proration", "duplicate_policy"),
            *("bill_suspended", "usage_grace", "tolerance", "dunning_grace_days"),
        ),
        key=("service", "valid_from"),
        optional=frozenset({"valid_from"}),
    ),
    METRICS: SeedTable(
        {
            "service": cells.anything,
            "metric": cells.anything,
            "valid_from": cells.day,
            "aggregation": one_of(*AGGREGATIONS),
            "unit_name": cells.anything,
        },
        filled=("service", "metric", "aggregation"),
        key=("service", "metric", "valid_from"),
        optional=frozenset({"valid_from"}),
    ),
    CHARGES: SeedTable(
        {
            "service": cells.anything,
            "plan_code": cells.anything,
            "charge": cells.anything,
            "metric": cells.anything,
            "charge_model": one_of(*CHARGE_MODELS),
            "currency": cells.currency,
            "base_fee": cells.number,
            "included_quantity": cells.number,
            "minimum": cells.number,
            "maximum": cells.number,
            "package_size": cells.number,
            "unit_price": cells.number,
            "rate_percent": cells.number,
            "valid_from": cells.day,
            "valid_to": cells.day,
        },
        filled=("service", "plan_code", "currency"),
    ),
    TIERS: SeedTable(
        {
            "service": cells.anything,
            "plan_code": cells.anything,
            "charge": cells.anything,
            "valid_from": cells.day,
            "tier_to": cells.positive,
            "unit_price": cells.number,
            "flat_fee": cells.number,
        },
        filled=("service", "plan_code", "charge"),
    ),
    DISCOUNTS: SeedTable(
        {
            "service": cells.anything,
            "external_subscription_id": cells.anything,
            "charge": cells.anything,
            "discount_percent": cells.positive,
            "discount_amount": cells.positive,
            "currency": cells.currency,
            "valid_from": cells.day,
            "valid_to": cells.day,
            "reason": cells.anything,
            "granted_by": cells.anything,
        },
        filled=("service", "external_subscription_id", "valid_from", "reason", "granted_by"),
    ),
    OVERRIDES: SeedTable(
        {
            "service": cells.anything,
            "external_customer_id": cells.anything,
            "partner_id": cells.identity,
            "decided_by": cells.anything,
            "note": cells.anything,
        },
        filled=("service", "external_customer_id", "partner_id", "decided_by"),
        key=("service", "external_customer_id"),
    ),
    PRODUCTS: SeedTable(
        {
            "service": cells.anything,
            "plan_code": cells.anything,
            "charge": cells.anything,
            "pattern_order": cells.identity,
            "product_code": cells.product_code,
        },
        filled=("service", "plan_code", "charge", "pattern_order", "product_code"),
        key=("pattern_order",),
    ),
    COSTS: SeedTable(
        {
            "service": cells.anything,
            "metric": cells.anything,
            "valid_from": cells.day,
            "valid_to": cells.day,
            "unit_cost": cells.number,
            "currency": cells.currency,
            "note": cells.anything,
        },
        filled=("service", "metric", "valid_from", "unit_cost", "currency"),
    ),
}
