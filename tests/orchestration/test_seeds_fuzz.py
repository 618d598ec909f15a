"""Whatever stands in a seed is judged, never a crash; what is let through, PostgreSQL takes."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestration.seeds import judge
from orchestration.seeds.known import Known
from orchestration.seeds.tables import TABLES

KNOWN = Known(
    subscriptions={"nexacloud": frozenset({"sub-1"})},
    plans={"nexacloud": frozenset({"basic", "pro"})},
    metrics={"*": frozenset()},
    currencies=frozenset({"CAD", "JPY"}),
)
COLUMNS = {name: list(TABLES[name].columns) for name in ("charges", "charge_tiers", "discounts")}
MANY = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# What people, spreadsheets and attackers write into a cell.
NASTY = st.sampled_from(
    [
        "", " ", "null", "NULL", "NaN", "Infinity", "-0", "1e30", "1e-30", "1E+2", "٣", "٣.٤",
        "1_000", "1,5", "0.1" + "0" * 60, "9" * 60, "0001-01-01", "9999-12-31",
        "2026-02-30", "10000-01-01",
        "2026-06-03T12:00:00", "=1+1", "@SUM(A1)", "<script>", "'; drop table x; --", "\u202e1",
        "\ufeff5", "\x00", "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
        "nexacloud", "basic", "*", "CAD", "JPY", "XXX", "cpu_seconds", "graduated", "volume",
        "package", "percentage", "x" * 10_000,
    ]
)  # fmt: skip
PLAIN = st.sampled_from(["", "1", "0.50", "100", "2026-06-01", "2027-01-01"])
CELL = PLAIN | NASTY | st.text(max_size=12) | st.decimals(min_value=0, places=3).map(str)
# Right rows, of which a cell or two are written over.
_PRICE = {"service": "nexacloud", "plan_code": "basic", "currency": "CAD"}
_LADDER = {"service": "nexacloud", "plan_code": "pro", "charge": "cpu_seconds"}
RIGHT = {
    "charges": [
        _PRICE | {"base_fee": "5"},
        _PRICE | {"metric": "cpu_seconds", "unit_price": "0.5"},
        _PRICE | {"metric": "cpu_seconds", "charge_model": "graduated", "plan_code": "pro"},
    ],
    "charge_tiers": [
        _LADDER | {"tier_to": "100", "unit_price": "2"},
        _LADDER | {"unit_price": "1"},
    ],
    "discounts": [
        {
            "service": "nexacloud", "external_subscription_id": "sub-1", "discount_percent": "10",
            "reason": "loyalty", "granted_by": "fay", "valid_from": "2026-05-01",
        }
    ],
}  # fmt: skip


@MANY
@given(name=st.sampled_from(sorted(TABLES)), content=st.binary(max_size=400))
@example(name="charges", content=b"\xff\xfe")
@example(name="charges", content=b'"')
@example(name="charges", content=b"service\r\rnexacloud")
def test_any_bytes_are_judged(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / f"{name}.csv"
    path.write_bytes(content)
    found = judge.read(name, path, is_proposal=False)
    assert found.rows or found.problems or len(found.header) > 0
    assert all(str(problem).startswith(path.name) for problem in found.problems)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's seeds whose price book is written anew each time."""
    import shutil

    folder = tmp_path_factory.mktemp("fuzz") / "seeds"
    shutil.copytree(judge.project_files()["charges"].parent, folder)
    return folder


@st.composite
def _tables(draw: Any) -> dict[str, list[dict[str, str]]]:
    tables = {name: [dict(row) for row in rows] for name, rows in RIGHT.items()}
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from(sorted(tables)))
        row = draw(st.sampled_from(tables[name]))
        row[draw(st.sampled_from(COLUMNS[name]))] = draw(CELL)
    return tables


@MANY
@given(tables=_tables())
@example(tables={"charges": [_PRICE | {"base_fee": "٣"}], "charge_tiers": [], "discounts": []})
def test_any_price_book_is_judged_and_what_passes_is_taken_by_the_warehouse(
    seeds: Path, typed: Any, tables: dict[str, list[dict[str, str]]]
) -> None:
    for name, rows in tables.items():
        out = io.StringIO()
        writer = csv.DictWriter(out, COLUMNS[name], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        (seeds / f"{name}.csv").write_bytes(out.getvalue().encode("utf-8", "replace"))
    found = judge.problems(KNOWN, project=judge.project_files(seeds))
    assert all(".csv" in str(problem) for problem in found)
    if not found:
        for name, rows in tables.items():
            typed(name, rows)


@pytest.fixture
def typed(database: Any) -> Any:
    """Cast every cell to the type that the seed's column has in the warehouse."""
    import yaml

    conn = psycopg2.connect(database())
    folder = judge.project_files()["charges"].parent
    types: dict[str, dict[str, str]] = {}
    for file in folder.glob("*.yml"):
        for seed in yaml.safe_load(file.read_text()).get("seeds", []):
            types[seed["name"]] = seed.get("config", {}).get("column_types", {})

    def cast(name: str, rows: list[dict[str, str]]) -> None:
        with conn, conn.cursor() as cursor:
            for row in rows:
                for column, kind in types.get(name, {}).items():
                    value = row.get(column) or None
                    value = None if value in ("null", "NULL") else value
                    cursor.execute(f"select cast(%s as {kind})", (value,))

    return cast
