"""A build is made beside what people read, and swapped in whole or not at all.

A real dbt, four models, the project's own macros: each law costs a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from connections import builds
from connections.postgres import warehouse
from connections.settings import Settings, load_settings

sys.path.insert(0, str(Path(__file__).parents[1] / "rating" / "support"))
from quick_dbt import quick_dbt

PROJECT = Path(__file__).parent / "support" / "swap_project"
PROFILES = Path(__file__).resolve().parents[2] / "dbt_project"
DBT = str(Path(sys.executable).with_name("dbt"))
AS_OF = "2026-06-03T12:00:00+00:00"


@dataclass
class House:
    """A warehouse with one table to build from, and dbt over it."""

    settings: Settings
    folder: Path

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with warehouse(self.settings) as conn, conn.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def command(self, *arguments: str) -> list[str]:
        command = [*(arguments or ("build",)), "--project-dir", str(PROJECT)]
        command += ["--profiles-dir", str(PROFILES), "--target-path", str(self.folder)]
        return [*command, "--log-path", str(self.folder), "--no-use-colors"]

    def environment(self, given: dict[str, str]) -> dict[str, str]:
        return self.settings.dbt_environment() | {"BILLING_AS_OF": AS_OF} | given

    def start(self) -> subprocess.Popen[str]:
        """A build in a process of its own, to be killed."""
        return subprocess.Popen(
            [DBT, *self.command()], env={**os.environ, **self.environment({})},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def build(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """A build in this process, which saves dbt's imports; its exit code and what it said."""
        from dbt.cli.main import dbtRunner

        said = list[str]()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment(environment).items():
                patch.setenv(name, value)
            with quick_dbt(is_heard=True):
                outcome = dbtRunner(callbacks=[lambda event: said.append(event.info.msg)]).invoke(
                    self.command(*arguments)
                )
        return int(not outcome.success), "\n".join([*said, str(outcome.exception or "")])

    def total(self) -> Any:
        return self.ask("select quantity from marts.fct_total")[0][0]

    def status(self) -> list[str]:
        return [row[0] for row in self.ask("select status from ops.builds order by build_id")]


def _settings(dsn: str, home: Path) -> Settings:
    return load_settings(billing_home=home, warehouse_dsn=dsn, billing_as_of=AS_OF)


def _house(dsn: str, home: Path) -> House:
    made = House(_settings(dsn, home), home / "target")
    made.ask("create table public.given (id int, quantity numeric)")
    made.ask("insert into public.given values (1, 10)")
    return made


@pytest.fixture
def house(warehouse_dsn: str, tmp_path: Path) -> House:
    return _house(warehouse_dsn, tmp_path)


@pytest.fixture(scope="module")
def built_template(
    cluster: Any, _warehouse_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A warehouse in which the four models are built and swapped in, to be cloned."""
    name = "swapped_template"
    cluster.create_database(name, template=_warehouse_template, owner="fusion_billing")
    made = _house(cluster.dsn(name, user="fusion_billing"), tmp_path_factory.mktemp("swapped"))
    code, said = made.build()
    assert code == 0, said
    yield name
    cluster.drop_database(name)


@pytest.fixture
def built(built_template: str, database: Callable[..., str], tmp_path: Path) -> House:
    dsn = database(built_template, "fusion_billing")
    return House(_settings(dsn, tmp_path), tmp_path / "target")


def test_a_build_that_passes_is_swapped_in_and_says_what_it_is(built: House) -> None:
    assert built.total() == 10
    assert built.ask("select id from marts.rpt_live") == [(1,)]
    ((build_id, tests, as_of),) = built.ask(
        "select build_id, tests_passed, as_of from marts.dim_build"
    )
    assert (build_id, tests, as_of) == (1, 1, built.settings.as_of)
    assert built.status() == ["passed"]
    assert built.ask("select to_regclass('intermediate.int_kept') is not null") == [(True,)]

    built.ask("insert into public.given values (2, 5)")
    assert built.total() == 10
    assert built.build()[0] == 0
    assert (built.total(), built.status()) == (15, ["passed", "passed"])
    assert built.ask("select count(*) from marts.dim_build") == [(1,)]


def test_a_failed_test_leaves_what_stood_and_says_why(built: House) -> None:
    built.ask("insert into public.given values (2, -50)")
    code, _ = built.build()
    assert code != 0
    assert built.total() == 10
    assert built.status() == ["passed", "failed"]
    ((error,),) = built.ask("select error from ops.builds order by build_id desc limit 1")
    assert "assert_no_total_is_negative" in error
    with warehouse(built.settings) as conn, builds.pinned(conn, "marts") as build:
        assert build is not None
        assert build.build_id == 1
        assert "assert_no_total_is_negative" in build.sentence


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("build", "--empty"),
        ("build", "--select", "stg_given", "int_kept", "fct_total"),
        ("build", "--exclude", "rpt_live"),
        ("build", "--exclude-resource-type", "test"),
    ],
    ids=" ".join,
)
def test_a_part_of_a_build_is_never_swapped_in(built: House, arguments: tuple[str, ...]) -> None:
    built.ask("insert into public.given values (2, 5)")
    assert built.build(*arguments)[0] == 0
    assert (built.total(), built.status()) == (10, ["passed"])


def test_nothing_is_built_in_place_under_a_reader(built: House) -> None:
    code, said = built.build(BILLING_SCHEMA_SUFFIX="")
    assert code != 0
    assert "do not build in place" in said
    code, said = built.build(BILLING_SCHEMA_SUFFIX="", BILLING_SCHEMA_PREFIX="try_")
    assert code == 0, said
    assert built.ask("select quantity from try_marts.fct_total") == [(10,)]


def test_what_a_killed_build_left_is_made_again_by_the_next(built: House) -> None:
    built.ask("insert into public.given values (2, 5)")
    with psycopg2.connect(built.settings.warehouse_dsn) as conn, conn.cursor() as cursor:
        cursor.execute("lock table public.given in access exclusive mode")
        dbt = built.start()
        while "running" not in built.status():
            time.sleep(0.05)
        code, said = built.build()
        assert code != 0
        assert "another build of this warehouse is under way" in said
        dbt.kill()
        dbt.communicate()
    assert built.total() == 10
    # The server ends a dead session when it notices.
    while built.ask("select 1 from pg_stat_activity where application_name like 'dbt%%'"):
        time.sleep(0.05)
    assert built.build()[0] == 0
    assert (built.total(), built.status()) == (15, ["passed", "failed", "passed"])


def test_rights_and_the_tables_of_others_survive_a_swap(built: House) -> None:
    built.ask("grant select on marts.fct_total to finance_reader")
    built.ask("grant usage on schema marts to finance_reader")
    built.ask("alter default privileges in schema marts grant select on tables to finance_approver")
    built.ask("create table marts.of_an_analyst as select 1 as one")
    assert built.build()[0] == 0
    rights = (
        "select has_table_privilege('finance_reader', 'marts.fct_total', 'select'),"
        " has_table_privilege('finance_reader', 'marts.rpt_live', 'select'),"
        " has_table_privilege('finance_approver', 'marts.rpt_live', 'select'),"
        " has_table_privilege('finance_approver', 'marts.dim_build', 'select'),"
        " has_schema_privilege('finance_reader', 'marts', 'usage')"
    )
    assert built.ask(rights) == [(True, False, True, True, True)]
    assert built.ask("select one from marts.of_an_analyst") == [(1,)]


def test_a_view_of_somebody_else_is_named_and_not_lost(built: House) -> None:
    built.ask("create view public.mine as select quantity from marts.fct_total")
    built.ask("insert into public.given values (2, 5)")
    code, said = built.build()
    assert code != 0
    assert "mine reads marts.fct_total" in said
    assert built.ask("select quantity from public.mine") == [(10,)]
    assert built.total() == 10
    built.ask("drop view public.mine")
    assert built.build()[0] == 0
    assert built.total() == 15


def test_a_model_that_is_no_more_goes_with_its_build(built: House) -> None:
    built.ask(
        "update marts.dim_build set relations ="
        " jsonb_set(relations, '{marts}', relations -> 'marts' || '[\"fct_old\"]')"
    )
    built.ask("create table marts.fct_old as select 1 as one")
    assert built.build()[0] == 0
    assert built.ask("select to_regclass('marts.fct_old')") == [(None,)]


def test_a_full_refresh_takes_no_view_away_from_its_readers(built: House) -> None:
    """An incremental table is replaced where it stands; live views hang on the one before."""
    built.ask("insert into public.given values (2, -50)")
    for _ in range(2):
        assert built.build("build", "--full-refresh")[0] != 0
        assert built.ask("select id, quantity from marts.rpt_kept") == [(1, 10)]
    built.ask("update public.given set quantity = 5 where id = 2")
    assert built.build("build", "--full-refresh")[0] == 0
    assert built.ask("select id, quantity from marts.rpt_kept order by id") == [(1, 10), (2, 5)]
    parked = "select count(*) from pg_tables where schemaname = 'parked'"
    assert built.ask(parked) == [(0,)]


def test_what_was_built_in_place_before_is_replaced_by_the_first_swap(house: House) -> None:
    assert house.build(BILLING_SCHEMA_SUFFIX="")[0] == 0
    assert house.ask("select to_regclass('marts.dim_build')") == [(None,)]
    house.ask("create view intermediate.int_old as select quantity from marts.fct_total")
    house.ask("create table intermediate.int_older as select 1 as one")
    house.ask("create table marts.of_an_analyst as select 1 as one")
    house.ask("insert into public.given values (2, 5)")
    code, said = house.build()
    assert code == 0, said
    assert house.total() == 15
    left = "select to_regclass('intermediate.int_old'), to_regclass('intermediate.int_older')"
    assert house.ask(left) == [(None, None)]
    assert house.ask("select one from marts.of_an_analyst") == [(1,)]


def test_a_reader_who_asks_twice_reads_one_build(built: House) -> None:
    built.ask("insert into public.given values (2, 5)")
    ended = threading.Event()

    def rebuild() -> None:
        assert built.build()[0] == 0
        ended.set()

    with warehouse(built.settings) as conn, conn.cursor() as cursor:
        with builds.pinned(conn, "marts") as build:
            assert build is not None
            builder = threading.Thread(target=rebuild)
            builder.start()
            while not _waits(built):
                time.sleep(0.02)
            cursor.execute("select quantity, build_id from marts.fct_total, marts.dim_build")
            assert cursor.fetchall() == [(10, build.build_id)]
            assert not ended.is_set()
        builder.join(timeout=60)
        with builds.pinned(conn, "marts") as build:
            cursor.execute("select quantity from marts.fct_total")
            assert cursor.fetchall() == [(15,)]
            assert build is not None
            assert build.build_id == 2


def _waits(house: House) -> bool:
    return bool(
        house.ask("select 1 from pg_locks where locktype = 'advisory' and not granted limit 1")
    )


def test_marts_that_do_not_say_which_build_they_are_of_are_an_error(built: House) -> None:
    built.ask("delete from marts.dim_build")
    with warehouse(built.settings) as conn, pytest.raises(builds.BuildUnknown, match="ask once"):
        builds.in_use(conn, "marts")
