"""A month as people think of it: what was rated, how it reconciles, what of it is published.

Flows in: the marts in use. Flows out: a table and a picture a month, and drafts in Odoo of that
month where the run says `go`. A partition is the month in which service periods begin, on the
service's own clock. Tables are no partitions: rebuilding a month rebuilds what it touches and
swaps a whole build.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg

from connections.currencies import rounded
from connections.months import in_month
from connections.settings import Settings
from orchestration.assets.drafts import PublishConfig, check_specs, published
from orchestration.domains import OPERATIONS, PUBLISHING, docs_metadata
from orchestration.failures import RETRY, as_failures
from orchestration.names import MONTH_OP, ODOO_POOL, PUBLISH_MONTH_OP
from orchestration.pictures import table, waterfall
from orchestration.queries import Filters, Row, reading, select
from orchestration.resources import Odoo, Warehouse

FIRST_MONTH = "2025-01"
TIME_ZONE = "America/Toronto"
MONTHS = dg.MonthlyPartitionsDefinition(
    start_date=FIRST_MONTH, fmt="%Y-%m", timezone=TIME_ZONE, end_offset=1
)
RATED = dg.AssetKey(["months", "rated"])
RECONCILED = dg.AssetKey(["months", "reconciled"])
PUBLISHED = dg.AssetKey(["months", "published"])
NOTHING_UNEXPLAINED = "nothing_unexplained"
# What nobody has invoiced yet differs from nothing.
EXPLAINED = ("match", "explained", "missing_actual")
MEANING = "A partition is the month in which service periods begin, on the service's own clock."
Events = Iterator[dg.MaterializeResult[object] | dg.AssetCheckResult]


def _marts(*names: str) -> list[dg.AssetKey]:
    return [dg.AssetKey(["marts", name]) for name in names]


@dg.multi_asset(
    name=MONTH_OP,
    specs=[
        dg.AssetSpec(
            RATED,
            deps=_marts("fct_invoice_lines"),
            description=f"What a month costs by our rating, by service and kind of line. {MEANING}",
            group_name="rating",
            kinds={"postgres", "report"},
            owners=["team:finance"],
            metadata=docs_metadata("rating", Path(__file__)),
        ),
        dg.AssetSpec(
            RECONCILED,
            deps=_marts("rpt_reconciliation_by_month", "fct_reconciliation_causes"),
            description="Expected against invoiced for a month, and the difference by its causes."
            f" {MEANING}",
            group_name="reconciliation",
            kinds={"postgres", "report"},
            owners=["team:finance"],
            metadata=docs_metadata("reconciliation", Path(__file__)),
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            NOTHING_UNEXPLAINED,
            asset=RECONCILED,
            description="Every difference of the month has named causes that add up to it.",
        )
    ],
    partitions_def=MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
    retry_policy=RETRY,
)
def month(context: dg.AssetExecutionContext, billing_warehouse: Warehouse) -> Events:
    """Read the month, or each of several, from the build in use."""
    settings = billing_warehouse.settings()
    wanted, unexplained = context.selected_asset_keys, list[Row]()
    for period in context.partition_keys:
        with as_failures("month"):
            if RATED in wanted:
                yield _rated(period, _ask(settings, _RATED, period))
            if RECONCILED in wanted:
                statuses = _ask(settings, _STATUSES, period)
                unexplained += [row for row in statuses if _lacks_a_cause(row)]
                yield _reconciled(period, statuses, _ask(settings, _CAUSES, period))
    if RECONCILED in wanted:
        yield _nothing_unexplained(unexplained)


def _ask(settings: Settings, query: str, period: str) -> list[Row]:
    with reading(settings) as conn:
        return select(conn, settings, query, Filters(period).as_parameters())


def _rated(period: str, rows: list[Row]) -> dg.MaterializeResult[object]:
    lines = sum(row["lines"] for row in rows)
    return dg.MaterializeResult(
        asset_key=RATED,
        metadata={"month": period, "dagster/row_count": lines, "rated": table(rows)},
    )


def _reconciled(period: str, rows: list[Row], causes: list[Row]) -> dg.MaterializeResult[object]:
    metadata: dict[str, Any] = {
        "month": period,
        "dagster/row_count": sum(row["periods"] for row in rows),
        "reconciliation": table(rows),
        "delta by cause": table(causes),
    }
    for currency in sorted({row["currency"] for row in rows}):
        metadata[f"waterfall {currency}"] = delta_by_cause(period, currency, rows, causes)
    return dg.MaterializeResult(asset_key=RECONCILED, metadata=metadata)


def delta_by_cause(
    period: str, currency: str, rows: list[Row], causes: list[Row]
) -> dg.MarkdownMetadataValue:
    """From what was invoiced to what we expect, a bar a cause, in one currency."""
    of = [row for row in rows if row["currency"] == currency]
    expected = sum((row["expected_amount"] or Decimal(0) for row in of), Decimal(0))
    delta = sum((row["delta_amount"] or Decimal(0) for row in of), Decimal(0))
    steps = [(row["cause"], row["amount"]) for row in causes if row["currency"] == currency]
    title = f"{period}: from invoiced to expected, {currency}, net of tax"
    return waterfall(title, expected - delta, steps, expected, currency)


def _lacks_a_cause(row: Row) -> bool:
    """By the verdict of each period: in a sum, one difference may hide another."""
    return row["status"] not in EXPLAINED


def _nothing_unexplained(rows: list[Row]) -> dg.AssetCheckResult:
    said = ", ".join(
        f"{rounded(row['unexplained_amount'], row['currency'])} {row['currency']}"
        f" of {row['service']} ({row['status']})"
        for row in rows
    )
    return dg.AssetCheckResult(
        asset_key=RECONCILED,
        check_name=NOTHING_UNEXPLAINED,
        passed=not rows,
        description=f"no cause explains {said}" if rows else "every difference is explained",
        metadata={"unexplained": table(rows)},
    )


@dg.multi_asset(
    name=PUBLISH_MONTH_OP,
    specs=[
        dg.AssetSpec(
            PUBLISHED,
            deps=[dg.AssetKey(["serving", "invoice_lines_to_publish"])],
            description="Approved lines of a month as drafts in Odoo. A dry run unless `go`: that"
            f" is an observation, never a materialization. {MEANING}",
            group_name=PUBLISHING,
            kinds={"odoo"},
            owners=[OPERATIONS],
            skippable=True,
            metadata=docs_metadata(PUBLISHING, Path(__file__)),
        )
    ],
    check_specs=check_specs(PUBLISHED),
    partitions_def=MONTHS,
    retry_policy=RETRY,
    pool=ODOO_POOL,
)
def publish_month(
    context: dg.AssetExecutionContext,
    config: PublishConfig,
    billing_warehouse: Warehouse,
    odoo: Odoo,
) -> Events:
    """Publish what was approved of the month; the ledger keeps a line from being sent twice."""
    settings = billing_warehouse.settings(odoo)
    yield from published(context, settings, config, PUBLISHED, [context.partition_key])


_RATED = f"""
    select l.service, l.kind, l.currency, count(*) as lines, sum(l.amount) as amount
    from {{marts}}.fct_invoice_lines as l
    inner join {{marts}}.dim_services as services on l.service = services.service
    where {in_month("l.service_period_start")}
    group by l.service, l.kind, l.currency
    order by l.service, l.kind, l.currency
"""
_STATUSES = """
    select
        service, currency, status, sum(period_count) as periods,
        sum(expected_amount) as expected_amount, sum(actual_amount) as actual_amount,
        sum(billed_amount) as billed_amount, sum(delta_amount) as delta_amount,
        sum(unexplained_amount) as unexplained_amount
    from {marts}.rpt_reconciliation_by_month
    where period_month = %(month)s
    group by service, currency, status
    order by service, currency, status
"""
_CAUSES = f"""
    select c.cause, c.currency, count(*) as periods, sum(c.amount) as amount
    from {{marts}}.fct_reconciliation_causes as c
    inner join {{marts}}.dim_services as services on c.service = services.service
    where {in_month("c.period_start")}
    group by c.cause, c.currency
    order by min(c.cause_order), c.cause
"""
