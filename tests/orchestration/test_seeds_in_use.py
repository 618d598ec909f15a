"""Where seeds are judged: in `billing check`, against what was loaded, and before a what-if."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import sql

from connections.postgres import warehouse
from connections.settings import Settings, load_settings
from orchestration import price_book
from orchestration.command_error import CommandError
from orchestration.commands import data
from orchestration.seeds import judge, known
from orchestration.seeds.tables import CHARGES, DISCOUNTS, TABLES, TIERS
from orchestration.warehouse import migrate

HEADER = "service,plan_code,charge_model,currency,metric,unit_price,valid_from"
PLAN = (
    "insert into raw_nexacloud.plans (id, code, _deleted_at, _run_id, _loaded_at)"
    " values ('1', 'gone', now(), 'run', now())"
)
CURRENCY = (
    "insert into raw_odoo.res_currency (id, name, _run_id, _loaded_at)"
    " values (1, 'CAD', 'run', now())"
)


@pytest.fixture
def loaded(warehouse_dsn: str, tmp_path: Path) -> Settings:
    """A warehouse with raw tables, one plan that its source has deleted, and one currency."""
    settings = load_settings(billing_home=tmp_path, warehouse_dsn=warehouse_dsn)
    migrate(settings)
    with warehouse(settings) as conn, conn.cursor() as cursor:
        cursor.execute(PLAN)
        cursor.execute(CURRENCY)
    return settings


def book(folder: Path, *rows: str) -> dict[str, Path]:
    path = folder / "proposed.csv"
    path.write_bytes(("\ufeff" + "\r\n".join([HEADER, *rows]) + "\r\n").encode())
    return {CHARGES: path}


def names(settings: Settings) -> known.Known:
    with warehouse(settings) as conn:
        return known.read(conn)


def test_a_plan_that_its_source_deleted_is_known_and_a_typing_error_is_not(
    loaded: Settings, tmp_path: Path
) -> None:
    row = "nexacloud,{},per_unit,cad,cpu_seconds,0.5,"
    price_book.check(book(tmp_path, row.format("gone")), names(loaded))
    with pytest.raises(CommandError, match=r"proposed.csv, line 2, plan_code \"gune\".*write gone"):
        price_book.check(book(tmp_path, row.format("gune")), names(loaded))


def test_a_refusal_names_the_file_that_was_proposed_and_many_problems_at_once(
    loaded: Settings, tmp_path: Path
) -> None:
    rows = [f"nexacloud,gone,per_unit,CAD,cpu_seconds,-{n},2026-01-01" for n in range(1, 31)]
    with pytest.raises(CommandError) as refused:
        price_book.check(book(tmp_path, *rows), names(loaded))
    said = str(refused.value).splitlines()
    assert said[1] == '  - proposed.csv, line 2, unit_price "-1": is negative; write 0 or more'
    assert said[-1] == "  - and 10 more"


def test_check_says_what_the_night_would_refuse(
    loaded: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "seeds"
    shutil.copytree(judge.project_files()[CHARGES].parent, folder)
    files = judge.project_files(folder)
    assert [finding.status for finding in data._seed_findings(loaded)] == ["ok"]
    costs = files["unit_costs"]
    costs.write_text(costs.read_text().replace("CAD", "XXX", 1))
    monkeypatch.setattr(judge, "project_files", lambda: files)
    (finding,) = data._seed_findings(loaded)
    assert (finding.subject, finding.status) == ("unit_costs.csv", "problem")
    assert 'currency "XXX": is unknown to Odoo; write CAD' in finding.detail


def test_a_proposed_book_takes_the_place_of_both_files(loaded: Settings, tmp_path: Path) -> None:
    """Nulls, a byte order mark and Windows line ends come out as values and empty cells."""
    with warehouse(loaded) as conn, conn.cursor() as cursor:
        cursor.execute("create schema staging")
        for table in (CHARGES, TIERS, DISCOUNTS):
            columns = sql.SQL(", ").join(
                sql.SQL("{} text").format(sql.Identifier(name)) for name in TABLES[table].columns
            )
            cursor.execute(
                sql.SQL("create table {} ({})").format(sql.Identifier("staging", table), columns)
            )
            cursor.execute(
                sql.SQL("insert into {} (service) values ('old')").format(
                    sql.Identifier("staging", table)
                )
            )
    rows: list[Any]
    with warehouse(loaded) as conn:
        proposed = book(tmp_path, "nexacloud,gone,NULL,CAD,cpu_seconds,0.5,")
        price_book.replace(conn, loaded, proposed)
    with warehouse(loaded) as conn, conn.cursor() as cursor:
        cursor.execute("select service, charge_model, unit_price, valid_from from staging.charges")
        rows = cursor.fetchall()
        cursor.execute("select count(*) from staging.charge_tiers")
        assert cursor.fetchall() == [(0,)]
        cursor.execute("select service from staging.discounts")
        assert cursor.fetchall() == [("old",)]
    assert rows == [("nexacloud", None, "0.5", None)]


def test_only_subscriptions_that_discounts_name_are_looked_for(
    loaded: Settings, tmp_path: Path
) -> None:
    here, gone = "6f1c0b0e-3c6f-4a0c-9d1f-0a5b7c8d9e0f", "6f1c0b0e-3c6f-4a0c-9d1f-0a5b7c8d9e00"
    with warehouse(loaded) as conn, conn.cursor() as cursor:
        cursor.execute(
            "insert into raw_nexacloud.subscriptions (id, _run_id, _loaded_at)"
            f" values ('{here}', 'run', now())"
        )
        assert known.read(conn).subscriptions is None
    path = tmp_path / "half.csv"
    named = "service,external_subscription_id,discount_percent,valid_from,reason,granted_by"
    for name in (here, gone):
        path.write_text(f"{named}\nnexacloud,{name},50,2026-05-01,launch,ann\n")
        files = {DISCOUNTS: path}
        with warehouse(loaded) as conn:
            found = known.read(conn, judge.discounted(files))
        if name == here:
            price_book.check(files, found)
            continue
        with pytest.raises(CommandError, match="nexacloud has no such subscription"):
            price_book.check(files, found)


def test_proposed_discounts_leave_the_book_as_it_is_and_are_judged_beside_it(
    loaded: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "half.csv"
    named = "service,external_subscription_id,discount_percent,valid_from,reason,granted_by"
    path.write_text(f"{named}\nnexacloud,s,50,2026-05-01,launch,ann\n")
    price_book.check({DISCOUNTS: path}, known.Known())
    path.write_text(f"{named}\nnexacloud,s,500,2026-05-01,launch,ann\n")
    with pytest.raises(CommandError, match=r'half.csv, line 2, discount_percent "500"'):
        price_book.check({DISCOUNTS: path}, known.Known())
    path.write_text(f"{named}\nnexacloud,s,50,2026-05-01,launch,ann\n")
    with warehouse(loaded) as conn, conn.cursor() as cursor:
        cursor.execute("create schema staging")
        cursor.execute("create table staging.charges as select 'old' as service")
        columns = ", ".join(f"{name} text" for name in TABLES[DISCOUNTS].columns)
        cursor.execute(f"create table staging.discounts ({columns})")
        price_book.replace(conn, loaded, {DISCOUNTS: path})
        cursor.execute("select service from staging.charges")
        assert cursor.fetchall() == [("old",)]
        cursor.execute("select external_subscription_id, discount_percent from staging.discounts")
        assert cursor.fetchall() == [("s", "50")]
