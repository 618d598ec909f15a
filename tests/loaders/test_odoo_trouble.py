"""What this Odoo lacks is said, not guessed; what fails on the way is asked for again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from faulty_proxy import FaultyProxy

import loaders
from connections import OdooPermanentError, OdooUnknownOutcome, Settings, load_settings
from connections.odoo import OdooPort
from loaders.errors import PreflightError
from loaders.odoo_retry import retrying
from loaders.report import TableReport
from loaders.tables import ODOO
from sandbox.standin import login_as

if TYPE_CHECKING:
    from sandbox.standin import Standin

Run = Callable[..., list[tuple[Any, ...]]]


def load(settings: Settings, *tables: str, **options: Any) -> dict[str, TableReport]:
    report = loaders.load(settings, only="odoo", tables=tables or None, **options)
    return {table.table: table for table in report.tables}


def replace_url(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"odoo_url": url})


def test_community_loads_what_it_has_and_says_what_it_lacks(
    odoo_community: Standin, settings_for: Callable[..., Settings], warehouse_sql: Run
) -> None:
    settings = settings_for(odoo_community)
    report = loaders.load(settings, only="odoo")
    notes = "\n".join(report.notes)
    assert "sale.order lacks is_subscription, plan_id" in notes
    assert "fusion.billing.charge is not installed" in notes
    for table in ODOO:
        warehouse_sql(f"select count(*) from raw_odoo.{table.name}")
    assert warehouse_sql("select count(*) > 0 from raw_odoo.account_tax") == [(True,)]
    odoo_findings = [f for f in loaders.check(settings).findings if f.source == "odoo"]
    assert {f.status for f in odoo_findings} == {"ok", "note"}


def test_a_model_that_was_loaded_and_is_gone_now_stops_the_load(
    erp: Settings, odoo_community: Standin, raw_state: Callable[[], dict[str, str]]
) -> None:
    load(erp)
    before = raw_state()
    moved = load_settings(
        **erp.model_dump() | {"odoo_url": odoo_community.url, "odoo_db": odoo_community.db}
    )
    with pytest.raises(PreflightError) as error:
        load(moved)
    named = {(problem.table, problem.column) for problem in error.value.problems}
    assert ("fusion.billing.charge", "") in named
    assert ("sale.order", "x_fc_nexacloud_subscription_id") in named
    assert raw_state() == before


def test_a_reader_without_the_right_to_transactions_loads_the_rest(
    odoo: Standin, settings_for: Callable[..., Settings]
) -> None:
    settings = settings_for(odoo, **login_as("readonly"))
    report = loaders.load(settings, only="odoo")
    assert [n for n in report.notes if "payment.transaction may not be read by readonly" in n]
    assert next(t for t in report.tables if t.table == "account_tax").read == 32


def test_a_field_of_another_type_stops_the_load_and_is_named(
    erp: Settings, monkeypatch: pytest.MonkeyPatch, raw_state: Callable[[], dict[str, str]]
) -> None:
    def retyped(table: Any) -> Any:
        columns = [
            replace(column, source_type="float", raw_type="numeric")
            if (table.name, column.name) == ("res_partner", "ref")
            else column
            for column in table.columns
        ]
        return replace(table, columns=tuple(columns))

    monkeypatch.setattr("loaders.loading.tables_of", lambda _: tuple(map(retyped, ODOO)))
    with pytest.raises(
        PreflightError, match=r"odoo\.res\.partner\.ref: expected float, found char"
    ):
        load(erp)
    assert raw_state() == {}


def test_a_page_that_fails_is_asked_for_again_alone(
    erp: Settings, proxy: FaultyProxy, warehouse_sql: Run
) -> None:
    failures = iter([502, 0, 503, 429])
    failed: set[str] = set()

    def fail_each_page_once(params: dict[str, Any]) -> int | None:
        if params.get("method") != "execute_kw" or params["args"][4] != "search_read":
            return None
        domain = str(params["args"][6]["domain"])
        if domain in failed:
            return None
        failed.add(domain)
        return next(failures, None)

    proxy.fault = fail_each_page_once
    report = load(replace_url(erp, proxy.url), "fusion.billing.charge")["fusion_billing_charge"]
    assert report.read == 232
    reads = [args for model, method, args in proxy.calls if method == "search_read"]
    # Five pages of 50, four of them twice: no page that went well was asked for again.
    assert len(reads) == 9
    assert warehouse_sql("select count(*) from raw_odoo.fusion_billing_charge") == [(232,)]


def test_an_odoo_that_dies_in_the_middle_leaves_whole_tables_and_the_next_run_resumes(
    erp: Settings, proxy: FaultyProxy, warehouse_sql: Run
) -> None:
    def dead_from_the_second_page_of_charges_on(params: dict[str, Any]) -> int | None:
        searches = [c for c in proxy.calls if c[:2] == ("fusion.billing.charge", "search_read")]
        return 502 if len(searches) > 1 else None

    proxy.fault = dead_from_the_second_page_of_charges_on
    once = replace_url(erp, proxy.url).model_copy(update={"odoo_attempts": 1})
    with pytest.raises(OdooUnknownOutcome, match=r"fusion\.billing\.charge"):
        load(once, run_id="died")
    assert warehouse_sql("select count(*) from raw_odoo.fusion_billing_charge") == [(0,)]
    assert warehouse_sql("select count(*) from raw_odoo.sale_order") == [(87,)]
    failed = warehouse_sql("select table_name from ops.load_runs where status = 'failed'")
    assert failed == [("fusion_billing_charge",)]
    proxy.fault = lambda _: None
    reports = load(once)
    assert reports["fusion_billing_charge"].created == 232
    assert reports["sale_order"].mode == "incremental"


def test_a_refusal_is_not_tried_again(erp: Settings, proxy: FaultyProxy) -> None:
    port = OdooPort.connect(replace_url(erp, proxy.url))
    with pytest.raises(OdooPermanentError, match="nofield"):
        retrying(erp, lambda: port.search_read("res.partner", [], ["nofield"]))
    assert [method for _, method, _ in proxy.calls].count("search_read") == 1


def test_check_tells_what_the_user_may_do_beyond_reading(
    odoo: Standin, settings_for: Callable[..., Settings]
) -> None:
    def rights(**user: str) -> tuple[str, str]:
        findings = loaders.check(settings_for(odoo, **user)).findings
        (found,) = [f for f in findings if (f.source, f.subject) == ("odoo", "rights")]
        return found.status, found.detail

    status, detail = rights()
    assert (status, "account.move," in detail) == ("note", True)
    status, detail = rights(**login_as("readonly"))
    assert (status, "none of the models" in detail) == ("ok", True)
