"""Laws of the Odoo loads that hold for every Odoo 19: the stand-in's, and one that ODOO_* names.

Nobody looks into Odoo's database here; both sides are read as a client reads them, and what is
written to Odoo are partners of the test's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

import loaders
from connections import Settings, load_settings
from connections.odoo import OdooPort
from loaders.report import TableReport
from loaders.tables import ODOO
from sandbox.standin import login_as

Run = Callable[..., list[tuple[Any, ...]]]
# Read as such, whatever is archived or of a contact: what the loader reads.
ALL = {"active_test": False}


@pytest.fixture(params=["standin", pytest.param("real", marks=pytest.mark.odoo_real)])
def any_odoo(request: pytest.FixtureRequest, settings_for: Callable[..., Settings]) -> Settings:
    """Settings for the Odoo under test and a warehouse of one's own."""
    if request.param == "standin":
        return settings_for(request.getfixturevalue("odoo"), odoo_page_size=500)
    named = request.getfixturevalue("real_odoo")
    return settings_for(named, odoo_page_size=500, **named.people["readonly"])


@pytest.fixture
def person(request: pytest.FixtureRequest, any_odoo: Settings) -> OdooPort:
    """Somebody who may create a partner there: the administrator that ODOO_* names, or ours."""
    if request.node.callspec.params["any_odoo"] == "real":
        return OdooPort.connect(
            load_settings(**any_odoo.model_dump() | request.getfixturevalue("real_odoo").admin)
        )
    return OdooPort.connect(load_settings(**any_odoo.model_dump() | login_as("admin")))


@pytest.fixture
def partner(person: OdooPort) -> Iterator[int]:
    """A partner of this test, deleted afterwards."""
    made = person.execute("res.partner", "create", [{"name": f"Loader test {uuid4().hex[:8]}"}])
    yield made[0]
    person.execute("res.partner", "unlink", made)


def load(settings: Settings, *tables: str, **options: Any) -> dict[str, TableReport]:
    report = loaders.load(settings, only="odoo", tables=tables or None, **options)
    return {table.table: table for table in report.tables}


def test_every_model_that_this_odoo_has_arrives_whole(
    any_odoo: Settings, warehouse_sql: Run
) -> None:
    reports = load(any_odoo)
    port = OdooPort.connect(any_odoo)
    assert [name for name, report in reports.items() if report.rejected] == []
    for table in ODOO:
        [(ours,)] = warehouse_sql(f"select count(*) from raw_odoo.{table.name}")
        if reports[table.name].mode == "absent":
            assert ours == 0, table.name
        else:
            theirs = port.execute(table.source_name, "search_count", [], context=ALL)
            assert ours == theirs, table.name


def test_invoices_arrive_to_the_cent_and_to_the_second(
    any_odoo: Settings, warehouse_sql: Run
) -> None:
    load(any_odoo, "account.move", "account.tax", "res.partner")
    port = OdooPort.connect(any_odoo)
    fields = ["name", "amount_untaxed", "amount_tax", "amount_total", "write_date"]
    theirs = {
        (
            move["id"],
            move["name"] or None,
            *(Decimal(str(move[field])) for field in fields[1:4]),
            move["write_date"],
        )
        for move in port.search_read("account.move", [], fields)
    }
    ours = warehouse_sql(
        "select id, name, amount_untaxed, amount_tax, amount_total,"
        " to_char(write_date at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
        " from raw_odoo.account_move"
    )
    assert set(ours) == theirs
    rates = {
        (tax["id"], Decimal(str(tax["amount"])), tax["active"])
        for tax in port.search_read("account.tax", [], ["amount", "active"], context=ALL)
    }
    assert set(warehouse_sql("select id, amount, active from raw_odoo.account_tax")) == rates


def test_a_change_an_archiving_and_a_deletion_are_followed(
    any_odoo: Settings, person: OdooPort, partner: int, warehouse_sql: Run
) -> None:
    state = "select name, active, _deleted_at is null from raw_odoo.res_partner where id = %s"
    [doomed] = person.execute("res.partner", "create", [{"name": "Loader test, to be deleted"}])
    load(any_odoo, "res.partner")
    person.execute("res.partner", "write", [partner], {"name": "Renamed", "active": False})
    load(any_odoo, "res.partner")
    assert warehouse_sql(state, [partner]) == [("Renamed", False, True)]
    person.execute("res.partner", "unlink", [doomed])
    load(any_odoo, "res.partner", full=True)
    assert warehouse_sql(
        "select id from raw_odoo.res_partner where _deleted_at is not null and id >= %s", [doomed]
    ) == [(doomed,)]


def test_a_quiet_odoo_is_read_again_and_nothing_is_rewritten(
    any_odoo: Settings, raw_state: Callable[[], dict[str, str]]
) -> None:
    names = [table.source_name for table in ODOO]
    load(any_odoo, *names)
    before = raw_state()
    again = load(any_odoo, *names)
    assert {(r.created, r.updated, r.deleted) for r in again.values()} == {(0, 0, 0)}
    assert raw_state() == before
