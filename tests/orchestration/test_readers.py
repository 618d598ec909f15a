"""Whoever reads or publishes while the warehouse is built again and again notices nothing.

`make soak ARGS=tests/orchestration/test_readers.py`: 20 builds of the sample; every third has a
test that fails, every third is killed at a random moment, the swap included.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from psycopg2 import sql

from connections import builds
from connections.postgres import warehouse
from connections.settings import Settings, load_settings

BUILDS = 20
DBT = str(Path(sys.executable).with_name("dbt"))
VERBS = (
    ("reconcile", "--json"),
    ("lines", "--json"),
    ("readiness", "--json"),
    ("exceptions", "--json"),
    ("publish", "--json"),
    ("publish", "--go", "--by", "Dana Roy", "--json"),
)
# A column that assert_no_column_is_a_float finds.
BREAK = "create table {}.broken (amount double precision)"


@pytest.fixture
def home(tmp_path: Path, billing_at: Callable[..., Any]) -> Iterator[Path]:
    home = tmp_path / "home"
    demo = billing_at(home, "demo")
    assert demo.code == 0, demo.stdout[-2000:] + demo.stderr[-2000:]
    yield home
    billing_at(home, "down")


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_twenty_builds_disturb_nobody(
    home: Path, billing_at: Callable[..., Any], show_table: Callable[[str, str], None]
) -> None:
    settings = load_settings(billing_home=home)
    over, wrong, answers = threading.Event(), list[str](), Counter[str]()
    key = json.loads(billing_at(home, "lines", "--json").stdout)[0]["line_key"]

    def verbs() -> None:
        for verb in _until(over, (*VERBS, ("explain", key, "--json"))):
            answer = billing_at(home, *verb)
            answers[verb[0]] += 1
            if answer.code != 0:
                wrong.append(f"{' '.join(verb)}: {answer.stderr[-500:]}")

    def marts() -> None:
        for _ in _until(over, (None,)):
            answers["all marts, twice, from one build"] += 1
            wrong.extend(_read_all(settings))

    readers = [threading.Thread(target=verbs), threading.Thread(target=marts)]
    for reader in readers:
        reader.start()
    try:
        outcomes = Counter(_build(settings, home, billing_at, number) for number in range(BUILDS))
    finally:
        over.set()
        for reader in readers:
            reader.join()
    show_table("readers during builds", f"builds: {dict(outcomes)}\nanswers: {dict(answers)}")
    assert wrong == []
    assert _published_from_elsewhere(settings) == []


def _until(over: threading.Event, turns: tuple[Any, ...]) -> Iterator[Any]:
    while not over.is_set():
        yield from turns


def _read_all(settings: Settings) -> list[str]:
    """Every relation of the marts in one pinned answer; what is odd about it."""
    odd = []
    with warehouse(settings) as conn, builds.pinned(conn, "marts") as build:
        assert build is not None
        with conn.cursor() as cursor:
            cursor.execute(
                "select nspname, relname from pg_class"
                " inner join pg_namespace on pg_namespace.oid = relnamespace"
                " where nspname in ('marts', 'serving') and relkind in ('r', 'v')"
            )
            for layer, name in cursor.fetchall():
                cursor.execute(
                    sql.SQL("select (select count(*) from {}), build_id from marts.dim_build")
                    .format(sql.Identifier(layer, name))
                )  # fmt: skip
                ((rows, build_id),) = cursor.fetchall()
                if build_id != build.build_id:
                    odd.append(f"{name} is of build {build_id}, the answer of {build.build_id}")
                if name == "fct_invoice_lines" and not rows:
                    odd.append(f"{name} was seen empty")
    return odd


def _build(settings: Settings, home: Path, billing_at: Callable[..., Any], number: int) -> str:
    """One build by hand; what became of it."""
    exports = billing_at(home, "env").stdout.splitlines()
    given = dict(shlex.split(line)[1].split("=", 1) for line in exports)
    with warehouse(settings) as conn, conn.cursor() as cursor:
        cursor.execute("create schema if not exists marts__next")
        cursor.execute("drop table if exists marts__next.broken")
        if number % 3 == 1:
            cursor.execute(BREAK.format("marts__next"))
    dbt = subprocess.Popen(
        [DBT, "build", "--exclude-resource-type", "unit_test"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **given},
        stdout=subprocess.DEVNULL,
    )
    if number % 3 == 2:
        time.sleep(Random(number).uniform(5, 60))
        dbt.kill()
    code = dbt.wait()
    if number % 3 == 1:
        assert code != 0
        return "a test failed"
    if number % 3 == 2:
        return "killed" if code < 0 else "passed before it was killed"
    assert code == 0
    return "passed"


def _published_from_elsewhere(settings: Settings) -> list[Any]:
    """Lines that were claimed with a content that stands in no build that passed."""
    with warehouse(settings) as conn, conn.cursor() as cursor:
        cursor.execute(
            "select line_key from ops.publication_lines as published where released_at is null"
            " and not exists (select from marts.fct_invoice_lines as lines"
            " where lines.line_key = published.line_key)"
        )
        return cursor.fetchall()
