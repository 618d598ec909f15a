"""Odoo's JSON becomes COPY text without a float, a label or a lost byte."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import cursor

from loaders.contracts import Column
from loaders.odoo_values import CONVERTERS, NULL, BrokenValue, line, lines


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("many2one", [7, "7 is a label"], "7"),
        ("many2one", False, NULL),
        ("integer", 0, "0"),
        ("boolean", False, "f"),
        ("char", False, NULL),
        ("char", "", ""),
        ("char", "a\tb\\c\nd", "a\\tb\\\\c\\nd"),
        ("monetary", Decimal("0.10"), "0.10"),
        ("float", Decimal("1E-7"), "1E-7"),
        ("float", 3, "3"),
        ("float", False, NULL),
        ("date", "2026-05-01", "2026-05-01"),
        ("date", False, NULL),
        ("datetime", "2026-05-01 10:00:00", "2026-05-01 10:00:00+00"),
        ("many2many", [3, 1], "{3,1}"),
        ("many2many", [], "{}"),
        ("json", {"12": Decimal("100.0")}, '{"12": 100.0}'),
        ("json", False, NULL),
    ],
)
def test_a_value_becomes_its_cell(kind: str, value: object, cell: str) -> None:
    assert CONVERTERS[kind](value) == cell


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("float", 0.1),
        ("float", Decimal("NaN")),
        ("float", "0.1"),
        ("integer", True),
        ("integer", Decimal("1.0")),
        ("boolean", 1),
        ("many2one", ["7"]),
        ("many2many", False),
        ("date", "2026-05-01 10:00:00"),
        ("datetime", "2026-05-01T10:00:00Z"),
        ("char", 5),
    ],
)
def test_a_value_of_another_kind_is_broken_and_never_coerced(kind: str, value: object) -> None:
    with pytest.raises(BrokenValue):
        CONVERTERS[kind](value)


def test_false_is_empty_except_in_a_boolean() -> None:
    kinds = ["char", "boolean", "many2one", "float", "date", "datetime", "json"]
    columns = [Column(kind, kind, "text") for kind in kinds]
    cells = "\\N\tf\t\\N\t\\N\t\\N\t\\N\t\\N\n"
    assert line(columns, dict.fromkeys(kinds, False)) == cells
    assert lines(columns, [dict.fromkeys(kinds, False)]) == [cells]


def test_a_broken_record_names_its_column() -> None:
    columns = [Column("id", "integer", "bigint"), Column("amount", "float", "numeric")]
    broken = {"id": 1, "amount": Decimal("NaN")}
    with pytest.raises(BrokenValue, match="amount: NaN is not a number"):
        line(columns, broken)
    with pytest.raises(BrokenValue):
        lines(columns, [{"id": 2, "amount": 1}, broken])
    with pytest.raises(BrokenValue, match="amount: not in Odoo's answer"):
        line(columns, {"id": 1})


ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        "",
        "a",
        "a\\b",
        "a\tb\0",
        [],
        [1],
        [1, "x"],
        ["x"],
        [True],
        {},
        0.5,
    ),
    *("2026-05-01", "2026-05-01 10:00:00", Decimal("1.50"), Decimal("NaN"), Decimal("Infinity")),
]


@pytest.mark.parametrize("kind", CONVERTERS)
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_a_column_at_a_time_gives_what_a_cell_at_a_time_gives(kind: str, value: Any) -> None:
    column = [Column("x", kind, "text")]
    try:
        expected = line(column, {"x": value})
    except BrokenValue:
        with pytest.raises(BrokenValue):
            lines(column, [{"x": value}])
    else:
        assert lines(column, [{"x": value}]) == [expected]


@pytest.fixture(scope="module")
def scratch(cluster: Any) -> Iterator[cursor]:
    with closing(psycopg2.connect(cluster.dsn("postgres"))) as conn, conn.cursor() as cur:
        cur.execute("create temporary table t (a text, b numeric, c jsonb)")
        yield cur


texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)
# jsonb has no way to hold U+0000.
jsonb_texts = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30
)
numbers = st.decimals(
    allow_nan=False, allow_infinity=False, places=9, min_value=-(10**15), max_value=10**15
)
objects = st.dictionaries(
    jsonb_texts, numbers | jsonb_texts | st.booleans() | st.none(), max_size=4
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts, numbers, objects)
def test_what_postgresql_reads_back_is_what_odoo_wrote(
    scratch: cursor, text: str, number: Decimal, data: dict[str, Any]
) -> None:
    columns = [
        Column("a", "char", "text"),
        Column("b", "float", "numeric"),
        Column("c", "json", "jsonb"),
    ]
    copied = line(columns, {"a": text, "b": number, "c": data})
    scratch.execute("truncate t")
    scratch.copy_expert("copy t from stdin", io.StringIO(copied))
    scratch.execute("select a, b, c::text from t")
    ((a, b, c),) = scratch.fetchall()
    assert (a, b) == (text.replace("\0", ""), number)
    assert json.loads(c, parse_float=Decimal, parse_int=Decimal) == data
