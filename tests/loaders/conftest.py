"""A loader's world: the sample NexaCloud, a warehouse, and short ways to change one and read the
other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from connections import Settings, load_settings
from connections.odoo import OdooPort

sys.path.insert(0, str(Path(__file__).parent))
from faulty_proxy import FaultyProxy

from sandbox.standin import login_as

if TYPE_CHECKING:
    from sandbox.standin import Standin

Run = Callable[..., list[tuple[Any, ...]]]

BOOKKEEPING = {"_run_id", "_loaded_at", "_deleted_at"}


@pytest.fixture
def nexa(tmp_path: Path, nexacloud_dsn: str, warehouse_dsn: str) -> Settings:
    """Settings for NexaCloud and the warehouse, without an Odoo."""
    return load_settings(
        billing_home=tmp_path / "home", nexacloud_dsn=nexacloud_dsn, warehouse_dsn=warehouse_dsn
    )


def _session(dsn: str) -> Iterator[Run]:
    with closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True

        def run(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []

        yield run


@pytest.fixture
def app(nexacloud_owner_dsn: str) -> Iterator[Run]:
    """Run SQL at the source, as the app that owns it."""
    yield from _session(nexacloud_owner_dsn)


@pytest.fixture
def warehouse_sql(warehouse_dsn: str) -> Iterator[Run]:
    """Run SQL in the warehouse."""
    yield from _session(warehouse_dsn)


@pytest.fixture
def raw_state(warehouse_sql: Run) -> Callable[[], dict[str, str]]:
    """Every raw table as one hash over all its rows and columns, bookkeeping included."""

    def state() -> dict[str, str]:
        tables = warehouse_sql(
            "select schemaname, tablename from pg_tables where schemaname like 'raw%%' order by"
            " 1, 2"
        )
        return {
            f"{schema}.{table}": warehouse_sql(
                f"select count(*) || md5(coalesce(string_agg(t::text, e'\\n' order by t::text),"
                f" ''))"
                f' from "{schema}"."{table}" as t'
            )[0][0]
            for schema, table in tables
        }

    return state


@pytest.fixture
def differences(app: Run, warehouse_sql: Run) -> Callable[[str], set[tuple[Any, ...]]]:
    """Rows that only one of source and live raw has, over the contract's columns."""
    from loaders.tables import NEXACLOUD

    by_name = {table.source_name: table for table in NEXACLOUD}

    def compare(name: str) -> set[tuple[Any, ...]]:
        columns = ", ".join(
            f"{column.name}::text" if column.raw_type == "text" else column.name
            for column in by_name[name].columns
        )
        theirs = set(app(f"select {columns} from {name}"))
        ours = set(
            warehouse_sql(f"select {columns} from raw_nexacloud.{name} where _deleted_at is null")
        )
        return theirs ^ ours

    return compare


@pytest.fixture(scope="session")
def soak_seeds(pytestconfig: pytest.Config) -> int:
    """How many random schedules `pytest -m soak --seeds 1000` plays."""
    return int(pytestconfig.getoption("--seeds"))


# ---------------------------------------------------------------------------------------- Odoo


@pytest.fixture
def settings_for(warehouse_dsn: str, tmp_path: Path) -> Callable[..., Settings]:
    """Settings for some stand-in and the warehouse, with small pages."""

    def make(standin: Standin, **more: Any) -> Settings:
        return _odoo_settings(standin, warehouse_dsn, tmp_path, more)

    return make


def _odoo_settings(
    standin: Standin, warehouse_dsn: str, tmp_path: Path, more: dict[str, Any]
) -> Settings:
    given = {
        "billing_home": tmp_path / "home",
        "warehouse_dsn": warehouse_dsn,
        "odoo_url": standin.url,
        "odoo_db": standin.db,
        **standin.login,
        "odoo_page_size": 50,
    }
    return load_settings(**given | more)


@pytest.fixture
def erp(odoo: Standin, settings_for: Callable[..., Settings]) -> Settings:
    """Settings for the stand-in of the test."""
    return settings_for(odoo)


@pytest.fixture
def admin(erp: Settings) -> OdooPort:
    """A person at Odoo who may do everything."""
    return OdooPort.connect(load_settings(**erp.model_dump() | login_as("admin")))


@pytest.fixture
def odoo_sql(odoo: Standin) -> Iterator[Run]:
    """Odoo's own database, for what RPC cannot set: microseconds and instants."""
    with closing(psycopg2.connect(odoo.dsn)) as connection:
        connection.autocommit = True

        def run(statement: str, values: Any = None) -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []

        yield run


@pytest.fixture
def proxy(odoo: Standin) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy(odoo.url)
    yield proxy
    proxy.stop()
