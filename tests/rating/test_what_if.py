"""A proposed price book is rated beside the real one, in its own schemas, and changes nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import Dbt, World

PREFIX = "whatif_"
BY_CUSTOMER = "select external_customer_id, rated_amount from {}marts.rpt_rated_by_customer"
CHARGE: dict[str, Any] = {"service": "nexacloud", "plan_code": "p", "currency": "CAD"}


def amounts(world: World, prefix: str = "") -> dict[str, Decimal]:
    rows = world.query(f"{BY_CUSTOMER.format(prefix)} where month_on = '2026-05-01'")
    return {row["external_customer_id"]: row["rated_amount"] for row in rows}


def relations(world: World) -> list[dict[str, Any]]:
    return world.query(
        "select relname, relfilenode from pg_class join pg_namespace as n on n.oid = relnamespace"
        " where nspname in ('staging', 'intermediate', 'marts', 'snapshots') order by 1, 2"
    )


def test_a_proposed_price_book_never_touches_the_real_marts(world: World, tmp_path: Path) -> None:
    terms = {"overage_price_per_cpu_second": "0.1"}
    world.load("raw_nexacloud.plans", [plan("p", "31", **terms)])
    world.load("raw_nexacloud.subscriptions", [subscription("s", "p", toronto(2026, 5, 1))])
    world.load("raw_nexacloud.usage_records", [usage(1, "s", 100, toronto(2026, 5, 10))])
    selection = ("+rpt_rated_by_customer",)
    world.rate(selection)
    before = relations(world)
    assert amounts(world) == {"u1": Decimal("41.00")}

    # Seeds under the prefix, the proposed book in their place, then the models.
    beside = Dbt(world.dsn, tmp_path)
    variables = {"schema_prefix": PREFIX, "as_of": world.as_of.isoformat()}
    beside.build(selection, variables, types=("seed",))
    proposed = {**CHARGE, "metric": "cpu_seconds", "charge_model": "package"}
    world.insert(f"{PREFIX}staging.charges", [{**proposed, "package_size": 30, "unit_price": "3"}])
    beside.build(selection, variables, types=("model",))
    assert amounts(world, PREFIX) == {"u1": Decimal("43.00")}  # 31.00 and four packages
    assert amounts(world) == {"u1": Decimal("41.00")}
    assert relations(world) == before
