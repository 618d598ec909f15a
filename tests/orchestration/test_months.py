"""A month in Dagster: tables, a picture, and a check that is red for what nothing explains."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import pytest

MARTS = """
    create schema marts;
    create table marts.dim_services as select 'nexacloud' as service, 'UTC' as timezone;
    create table marts.fct_invoice_lines as
    select 'nexacloud' as service, 'base' as kind, 'CAD' as currency, 13.33 as amount,
        timestamptz '2026-04-10 00:00+00' as service_period_start
    union all select 'nexacloud', 'base', 'CAD', 99, '2026-05-01 00:00+00';
    create table marts.rpt_reconciliation_by_month as
    select 'nexacloud' as service, date '2026-04-01' as period_month, 'CAD' as currency,
        '{status}' as status, 1 as period_count, 13.33 as expected_amount, 9.17 as actual_amount,
        0.00 as billed_amount, 4.16 as delta_amount, 0.00 as unexplained_amount
    union all select 'nexacloud', '2026-04-01', 'CAD', 'missing_actual', 1, 2, 0, 0, 2, 2;
    create table marts.fct_reconciliation_causes as
    select 'proration' as cause, 1 as cause_order, 'CAD' as currency, 4.16 as amount,
        'nexacloud' as service, timestamptz '2026-04-10 00:00+00' as period_start;
"""


def _look(
    tmp_path: Path, parsed_home: Path, dsn: str, monkeypatch: pytest.MonkeyPatch, status: str
) -> dg.ExecuteInProcessResult:
    monkeypatch.setenv("BILLING_HOME", str(parsed_home))
    from orchestration.assets.months import month
    from orchestration.resources import Warehouse

    with closing(psycopg2.connect(dsn)) as conn, conn, conn.cursor() as cursor:
        cursor.execute(MARTS.replace("{status}", status))
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [month],
            instance=instance,
            partition_key="2026-04",
            resources={"billing_warehouse": Warehouse(warehouse_dsn=dsn)},
        )


def _metadata(result: dg.ExecuteInProcessResult, name: str) -> dict[str, Any]:
    [event] = [
        each
        for each in result.get_asset_materialization_events()
        if each.asset_key == dg.AssetKey(["months", name])
    ]
    assert event.partition == "2026-04"
    return {k: v.value for k, v in event.materialization.metadata.items()}


def test_a_month_shows_what_was_rated_and_why_it_differs(
    tmp_path: Path, parsed_home: Path, warehouse_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _look(tmp_path, parsed_home, warehouse_dsn, monkeypatch, "explained")
    rated = _metadata(result, "rated")
    assert rated["dagster/row_count"] == 1
    assert "| nexacloud | base | CAD | 1 | 13.33 |" in rated["rated"]
    reconciled = _metadata(result, "reconciled")
    assert "| proration | CAD | 1 | 4.16 |" in reconciled["delta by cause"]
    assert "data:image/svg+xml" in reconciled["waterfall CAD"]
    [check] = result.get_asset_check_evaluations()
    assert check.passed


def test_what_no_cause_explains_is_a_red_check_though_it_adds_up_to_nothing(
    tmp_path: Path, parsed_home: Path, warehouse_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _look(tmp_path, parsed_home, warehouse_dsn, monkeypatch, "unexplained")
    [check] = result.get_asset_check_evaluations()
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.ERROR
    assert check.description == "no cause explains 0.00 CAD of nexacloud (unexplained)"


def test_the_month_end_asks_for_the_month_that_has_ended(
    parsed_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_HOME", str(parsed_home))
    from datetime import UTC, datetime

    from orchestration.automation import month_end

    for at, ended in (("2026-05-01T10:00", "2026-04"), ("2026-01-01T11:00", "2025-12")):
        when = datetime.fromisoformat(at).replace(tzinfo=UTC)
        with dg.build_schedule_context(scheduled_execution_time=when) as context:
            request = month_end(context)
        assert isinstance(request, dg.RunRequest)
        assert request.partition_key == ended
