"""What the nightly check says of each copy: late is a warning, lacking is a note."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from connections.settings import load_settings
from loaders.tables import ODOO

[PLAN] = [table for table in ODOO if table.name == "sale_subscription_plan"]
RUN = """
    insert into ops.load_runs (source, table_name, mode, status, finished_at)
    values ('odoo', 'sale_subscription_plan', %s, 'succeeded', now() - make_interval(hours => %s))
"""


@pytest.mark.parametrize(
    ("runs", "is_fine", "said"),
    [
        ([], False, "never loaded"),
        ([("full", 1)], True, "loaded 1.0 hours ago"),
        ([("full", 27)], False, "loaded 27.0 hours ago"),
        ([("absent", 1)], True, "this Odoo had no sale.subscription.plan (a note)"),
        ([("absent", 27)], False, "looked at 27.0 hours ago"),
        ([("absent", 27), ("full", 1)], True, "loaded 1.0 hours ago"),
    ],
)
def test_a_model_that_odoo_lacks_warns_of_nothing(
    tmp_path: Path,
    warehouse_dsn: str,
    runs: list[tuple[str, int]],
    is_fine: bool,
    said: str,
) -> None:
    from orchestration.checks import LAST_LOADS, fresh
    from orchestration.queries import select

    with closing(psycopg2.connect(warehouse_dsn)) as conn:
        with conn, conn.cursor() as cursor:
            for run in runs:
                cursor.execute(RUN, run)
        settings = load_settings(billing_home=tmp_path, warehouse_dsn=warehouse_dsn)
        rows = {row["table_name"]: row for row in select(conn, settings, LAST_LOADS)}
    result = fresh(PLAN, rows.get(PLAN.name))
    assert result.passed is is_fine
    assert said in str(result.description)
