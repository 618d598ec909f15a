"""The weekly job: what is old goes, and what the copies hold is held against the sources."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import dagster as dg
import psycopg2
import pytest

from connections.settings import Settings


def _maintain(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    from orchestration.maintenance import maintenance
    from orchestration.resources import NexaCloud, Odoo, Warehouse

    monkeypatch.setenv("BILLING_HOME", str(settings.billing_home))
    odoo = Odoo(
        odoo_url=settings.odoo_url,
        odoo_db=settings.odoo_db,
        odoo_user=settings.odoo_user,
        odoo_password=settings.odoo_password.get_secret_value(),
        odoo_api=settings.odoo_api,
    )
    with dg.DagsterInstance.ephemeral() as instance:
        done = maintenance.execute_in_process(
            instance=instance,
            raise_on_error=False,
            resources={
                "billing_warehouse": Warehouse(warehouse_dsn=settings.warehouse_dsn),
                "nexacloud": NexaCloud(nexacloud_dsn=settings.nexacloud_dsn),
                "odoo": odoo,
            },
        )
        said = [entry.user_message for entry in instance.all_logs(done.run_id)]
    return done, said


def test_old_artifacts_go_and_a_changed_copy_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loaders import load
    from orchestration import dbt
    from orchestration.warehouse import migrate

    migrate(settings)
    load(settings, full=True)
    for number in range(dbt.KEPT_INVOCATIONS + 3):
        (dbt.target_folder(settings) / f"{number:07x}").mkdir(parents=True)
    with closing(psycopg2.connect(settings.warehouse_dsn)) as conn, conn, conn.cursor() as cursor:
        cursor.execute("update raw_nexacloud.plans set price = price + 1 where code like '%%x%%'")
        changed = cursor.rowcount
    assert changed
    done, said = _maintain(settings, monkeypatch)
    assert done.success
    left = [path for path in dbt.target_folder(settings).iterdir() if path.is_dir()]
    assert len(left) == dbt.KEPT_INVOCATIONS
    [warning] = [each for each in said if each.startswith("rows that differ")]
    assert f"plans: {changed}" in warning


def test_a_right_that_is_gone_fails_the_job(
    settings: Settings, nexacloud_owner_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.warehouse import migrate

    migrate(settings)
    with closing(psycopg2.connect(nexacloud_owner_dsn)) as conn, conn, conn.cursor() as cursor:
        cursor.execute("revoke select on invoices from odoo_billing_ro")
    done, _ = _maintain(settings, monkeypatch)
    [failure] = [each for each in done.all_node_events if each.is_step_failure]
    said = failure.step_failure_data.user_failure_data.description
    assert "nexacloud" in said
    assert "invoices" in said
