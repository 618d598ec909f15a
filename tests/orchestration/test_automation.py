"""What starts a publishing run by itself, and what becomes of runs whose process was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from orchestration.instance import alive, fail_dead_runs, open_instance

if TYPE_CHECKING:
    from publishing_world import World

sys.path.insert(0, str(Path(__file__).parents[1] / "publishers" / "support"))


@pytest.fixture
def world(
    warehouse_dsn: str, tmp_path: Path, parsed_home: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """A warehouse with a line that nobody approved, as the sensor's settings name it."""
    from publishing_world import World, line

    from connections.settings import load_settings

    monkeypatch.setenv("BILLING_HOME", str(parsed_home))
    monkeypatch.setenv("WAREHOUSE_DSN", warehouse_dsn)
    world = World(load_settings())
    world.create_marts()
    world.propose([line(1), line(2)])
    return world


def _tick(instance: dg.DagsterInstance) -> dg.RunRequest | None:
    """What the sensor asks for; None where it skips."""
    from orchestration.automation import publish_approved
    from orchestration.resources import Odoo, Warehouse

    given = {"billing_warehouse": Warehouse(), "odoo": Odoo()}
    with dg.build_sensor_context(instance=instance, resources=given) as context:
        found = publish_approved(context)
    if isinstance(found, dg.SkipReason):
        return None
    assert isinstance(found, dg.RunRequest)
    return found


def _run(instance: dg.DagsterInstance, request: dg.RunRequest, *, succeeds: bool) -> None:
    @dg.op
    def work() -> None:
        if not succeeds:
            raise dg.Failure("Odoo is away")

    @dg.job(name="publish")
    def publish() -> None:
        work()

    publish.execute_in_process(instance=instance, tags=request.tags, raise_on_error=False)


def test_only_what_may_be_published_starts_a_run_and_a_failed_one_is_repeated(
    world: World,
) -> None:
    from publishers import approvals
    from publishers.lines import Filters

    with dg.DagsterInstance.ephemeral() as instance:
        assert _tick(instance) is None
        with world.warehouse() as conn:
            approvals.reject(conn, approvals.select_lines(conn, Filters()), by="fay", note="no")
        assert _tick(instance) is None
        world.approve(external_subscription_id="sub-1")
        request = _tick(instance)
        assert request is not None
        assert request.run_config["ops"]["publish_drafts"]["config"]["go"] is True
        _run(instance, request, succeeds=False)
        again = _tick(instance)
        assert again is not None
        _run(instance, again, succeeds=True)
        # It is held by something else: the same work rests, other work does not.
        assert _tick(instance) is None
        world.approve(external_subscription_id="sub-2")
        assert _tick(instance) is not None


def test_an_approval_that_commits_late_is_not_overlooked(world: World) -> None:
    """Numbers are given before they are committed: the higher may be seen first."""
    import psycopg2

    late = psycopg2.connect(world.settings.warehouse_dsn)
    with late.cursor() as cursor, dg.DagsterInstance.ephemeral() as instance:
        cursor.execute(
            "set local billing.identity = 'fay'; insert into ops.line_approvals"
            " (line_key, content_hash, decision) select line_key, content_hash, 'approve'"
            " from marts.fct_invoice_lines where external_subscription_id = 'sub-1'"
        )
        world.approve(external_subscription_id="sub-2")
        request = _tick(instance)
        assert request is not None
        _run(instance, request, succeeds=True)
        assert _tick(instance) is None
        late.commit()
        assert _tick(instance) is not None
    late.close()


def test_an_unfinished_document_starts_a_run(world: World) -> None:
    world.query(
        "insert into ops.publications (document_key, external_id, service, partner_id,"
        " billing_period_start, billing_period_end, currency, move_type, document_number, state,"
        " payload, payload_hash, expected_untaxed_amount, expected_tax_amount,"
        " expected_total_amount, rounding_method, invoice_date, invoice_date_due)"
        " values ('d', 'dwh_pub.d', 'nexacloud', 1, now(), now(), 'CAD', 'out_invoice', 1, 'sent',"
        " '{}', 'h', 1, 0, 1, 'round_globally', '2026-06-03', '2026-07-03')"
    )
    with dg.DagsterInstance.ephemeral() as instance:
        assert _tick(instance) is not None


KILLED = """
import os, pathlib, signal
from dagster import DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from orchestration.instance import alive, open_instance
home = pathlib.Path(os.environ["BILLING_HOME"])
with open_instance(home) as instance:
    run = create_run_for_test(instance, "night", status=DagsterRunStatus.STARTED)
    with alive(home, run.run_id):
        print(run.run_id, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_whose_process_was_killed_is_marked_as_failed(tmp_path: Path) -> None:
    from dagster._core.test_utils import create_run_for_test

    environment = {"BILLING_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "DO_NOT_TRACK": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED],
        cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr
    killed = done.stdout.strip()
    with open_instance(tmp_path) as instance:
        started: Any = dg.DagsterRunStatus.STARTED
        here = create_run_for_test(instance, "night", status=started)
        elsewhere = create_run_for_test(instance, "night", status=started)
        with alive(tmp_path, here.run_id):
            assert fail_dead_runs(instance, tmp_path) == [killed]
        statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses[killed] is dg.DagsterRunStatus.FAILURE
    assert {statuses[here.run_id], statuses[elsewhere.run_id]} == {started}
