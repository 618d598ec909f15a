"""Dagster's pages in a real browser, over a deployment and the built sample: what an operator sees.

One world for the file, in the order of a day: look, a dry run, a month rebuilt after a fault came
in, a build that was killed, a publication that refuses.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from chromium import started
from deployment import Deployment, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from sandbox.postgres import Cluster

pytestmark = pytest.mark.browser
SECONDS = 60_000  # what the browser waits at most, in ms
OWNER = "fusion_billing"
LOCATION = "/locations/__repository__@fusion_billing"
# An April invoice that matched says 7.77 more than we expect, and nothing explains it.
CHECK = "/assets/odoo/draft_invoices?view=checks&checkDetail=nothing_failed"
FAULT = """
    update raw_nexacloud.invoice_items set amount = amount + 7.77
    where kind = 'base' and invoice_id = %(id)s;
    update raw_nexacloud.invoices set subtotal = subtotal + 7.77, total = total + 7.77
    where id = %(id)s
"""
MATCHED = """
    select invoices.id from raw_nexacloud.invoices as invoices
    inner join marts.fct_reconciliation as r
        on invoices.subscription_id = r.external_subscription_id
    where r.status = 'match' and r.expected_amount = 120 and invoices.subtotal = 120
        and invoices.period_start >= '2026-03-25' and invoices.period_start < '2026-04-25'
"""


@dataclass
class Operator:
    """A deployment, its warehouse, and one page of a browser that reaches nothing else."""

    deployment: Deployment
    dsn: str
    page: Page
    strays: list[str]

    def query(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.dsn)) as conn, conn, conn.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def open(self, path: str, until: str) -> Page:
        self.page.goto(self.deployment.url + path)
        self.page.wait_for_selector(f"text={until}", timeout=SECONDS)
        return self.page

    def materialize(self, path: str, month: str) -> None:
        """What a person clicks for one month; where Dagster asks back, yes."""
        page = self.open(path, "Materialize…")
        page.click("button:has-text('Materialize…')")
        box = "input[placeholder^='ex:']"
        page.wait_for_selector(f"button:has-text('Confirm'), {box}", timeout=SECONDS)
        if page.query_selector("button:has-text('Confirm')"):
            page.click("button:has-text('Confirm')")
        page.fill(box, month, timeout=SECONDS)
        page.press(box, "Enter")
        page.click("button:has-text('Launch 1 run')", timeout=SECONDS)

    def last_run(self, job: str) -> str:
        """The id of the newest run of a job, once there is one."""
        query = (
            "query ($job: String!) { runsOrError(filter: {pipelineName: $job}, limit: 1)"
            " { ... on Runs { results { runId } } } }"
        )
        found = wait_for(
            lambda: self.deployment.ask(query, job=job)["runsOrError"]["results"], f"a run of {job}"
        )
        return str(found[0]["runId"])


@pytest.fixture(scope="module")
def operator(
    cluster: Cluster,
    built_sample: Any,
    parsed_home: Path,
    _nexacloud_template: str,
    _odoo_templates: Callable[[bool], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Operator]:
    from pages_world import decided
    from recon_world import TEMPLATE

    from connections.postgres import warehouse
    from connections.settings import load_settings
    from orchestration.commands.review import approvable
    from orchestration.queries import Filters
    from publishers import approvals
    from sandbox.nexacloud import OWNER as NEXACLOUD_OWNER
    from sandbox.nexacloud import READER
    from sandbox.odoo_standin.server import running
    from sandbox.rows import AS_OF
    from sandbox.standin import Standin

    folder = tmp_path_factory.mktemp("operator")
    cluster.ensure_role("dagster")
    cluster.create_database("operator", template=TEMPLATE, owner=OWNER)
    cluster.create_database(
        "operator_nexacloud", template=_nexacloud_template, owner=NEXACLOUD_OWNER
    )
    cluster.create_database("operator_history", owner="dagster")
    odoo_dsn = cluster.create_database("operator_odoo", template=_odoo_templates(False))
    odoo_dsn = odoo_dsn.replace("//postgres@", "//odoo@")
    with started() as browser, running(odoo_dsn, community=False, init=False) as server:
        odoo = Standin(folder, odoo_dsn, server.port, 0, False)
        settings = load_settings(
            billing_home=folder, billing_as_of=AS_OF, odoo_url=odoo.url, odoo_db=odoo.db,
            nexacloud_dsn=cluster.dsn("operator_nexacloud", user=READER),
            warehouse_dsn=cluster.dsn("operator", user=OWNER), **odoo.login,
        )  # fmt: skip
        decided(settings, cluster, "operator")
        with warehouse(settings) as conn:
            lines = approvable(conn, settings, Filters(period="2026-05"))
            assert approvals.approve(conn, lines, by="Dana Roy", note="May is right").written
        (folder / "dbt/target").mkdir(parents=True)
        shutil.copy(parsed_home / "dbt/target/manifest.json", folder / "dbt/target")
        deployment = Deployment(
            folder,
            environment={
                "ODOO_URL": odoo.url, "ODOO_DB": odoo.db, "ODOO_USER": odoo.user,
                "BILLING_AS_OF": AS_OF.isoformat(),
            },
            secrets={
                "WAREHOUSE_DSN": settings.warehouse_dsn, "NEXACLOUD_DSN": settings.nexacloud_dsn,
                "ODOO_PASSWORD": odoo.password,
            },
            history_dsn=cluster.dsn("operator_history", user="dagster"),
        )  # fmt: skip
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        strays: list[str] = []
        page.on("request", lambda request: strays.append(request.url))
        try:
            deployment.prepare().start().wait()
            yield Operator(deployment, settings.warehouse_dsn, page, strays)
        finally:
            deployment.stop()


def test_a_domain_is_a_picture_of_its_lineage(operator: Operator) -> None:
    page = operator.open(f"{LOCATION}/asset-groups/reconciliation/lineage", "int_app_charges")
    shown = page.inner_text("body")
    assert "fct_invoice_lines" in shown
    assert "Asset Group in" in shown
    page = operator.open("/assets/marts/fct_reconciliation", "Grain: one row per")
    shown = page.inner_text("body")
    for word in ("finance", "unexplained_amount", "docs/reconciliation.md", "reconciliation"):
        assert word in shown


def test_a_dry_run_is_an_observation(operator: Operator) -> None:
    assert operator.deployment.end(operator.deployment.launch("publish")) == "SUCCESS"
    page = operator.open("/assets/odoo/draft_invoices?view=events", "Observed")
    assert "Materialized" not in page.inner_text("body").replace("Latest materialization", "")
    page = operator.open("/assets/odoo/draft_invoices", "Never materialized")
    assert operator.query("select count(*) from ops.publications") == [(0,)]


def test_a_month_rebuilt_from_the_page_swaps_a_whole_build(operator: Operator) -> None:
    [(invoice,)] = operator.query(MATCHED)
    operator.query(FAULT, id=invoice)
    operator.materialize(f"{LOCATION}/jobs/rebuild_month/partitions", "2026-04")
    assert operator.deployment.end(operator.last_run("rebuild_month")) == "SUCCESS"
    swapped = "select is_whole, status, tests_failed from ops.builds order by build_id desc limit 1"
    assert operator.query(swapped) == [(True, "passed", 0)]
    assert operator.query("select count(*) from marts.dim_build") == [(1,)]


def test_a_check_is_red_and_says_what_no_cause_explains(operator: Operator) -> None:
    page = operator.open("/assets/months/reconciled?view=checks", "no cause explains")
    said = page.inner_text("body")
    assert "-7.77 CAD of nexacloud (unexplained)" in said
    assert "Failed" in said
    page = operator.open("/assets/months/reconciled", "waterfall CAD")
    # Dagster shows what is longer than a thousand signs when somebody asks for it.
    page.locator("tr", has_text="waterfall CAD").get_by_text("[Show Markdown]").click()
    picture = page.wait_for_selector("img[src^='data:image/svg+xml']", timeout=SECONDS)
    assert picture
    assert picture.evaluate("each => each.naturalWidth") > 300
    assert picture.bounding_box()["width"] > 300  # type: ignore[index]


def test_a_column_says_where_it_comes_from(operator: Operator) -> None:
    query = """
        query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
            assetMaterializations(limit: 1) { metadataEntries { __typename
                ... on TableColumnLineageMetadataEntry { lineage { columnName
                    columnDeps { assetKey { path } columnName } } } } } } } }
    """
    found = operator.deployment.ask(query, key={"path": ["marts", "fct_reconciliation"]})
    [made] = found["assetNodeOrError"]["assetMaterializations"]
    [lineage] = [each["lineage"] for each in made["metadataEntries"] if "lineage" in each]
    of = {each["columnName"]: each["columnDeps"] for each in lineage}
    assert {"assetKey": {"path": ["intermediate", "int_reconciliation_sides"]},
            "columnName": "delta_amount"} in of["delta_amount"]  # fmt: skip


def test_nothing_is_published_while_the_last_build_did_not_pass(operator: Operator) -> None:
    """A load found news, and the build that was to hold it is killed: who knows what it changes?"""
    owner = operator.deployment.secrets["NEXACLOUD_DSN"].replace("odoo_billing_ro", "nexacloud")
    with closing(psycopg2.connect(owner)) as conn, conn, conn.cursor() as cursor:
        cursor.execute("update users set full_name = full_name || ' (moved)', updated_at = now()")
    assert operator.deployment.end(operator.deployment.launch("sweep")) == "SUCCESS"
    run = operator.deployment.launch("rebuild")
    building = "select count(*) from ops.builds where status = 'running'"
    wait_for(lambda: operator.query(building) == [(1,)], "a build under way", 240)
    assert operator.deployment.kill_worker()
    assert operator.deployment.end(run) == "FAILURE"
    wait_for(lambda: not operator.deployment.claimed_pools(), "the pool is free")
    publish = {"ops": {"publish_drafts": {"config": {"go": True, "by": "Dana Roy"}}}}
    operator.deployment.end(operator.deployment.launch("publish", publish))
    page = operator.open(CHECK, "everything is held")
    assert "is in no build that passed" in page.inner_text("body")
    operator.open("/assets/odoo/draft_invoices", "Never materialized")
    assert operator.query("select count(*) from ops.publications") == [(0,)]


def test_a_run_survives_the_daemon_and_the_web_server(operator: Operator) -> None:
    """The run's process is the code server's; who looked on is started again, as systemd does."""
    tags = {"dagster/partition": "2026-04"}
    run = operator.deployment.launch("reconcile", **tags)
    for service in ("daemon", "webserver"):
        operator.deployment.kill(service)
    operator.deployment.start("daemon", "webserver").wait()
    assert operator.deployment.end(run) == "SUCCESS"
    assert operator.deployment.unfinished() == []
    assert operator.deployment.claimed_pools() == []


def test_the_pages_reached_nobody_else(operator: Operator) -> None:
    here = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")
    assert [url for url in operator.strays if not url.startswith(here)] == []
