"""A DataFrame of a mart holds what the mart holds: no amount becomes a float on the way."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from dashboards import frames

AT = datetime(2026, 5, 1, 4, tzinfo=UTC)
ROWS: list[dict[str, Any]] = [
    {
        "amount": Decimal("0.10"), "count": 1, "is_open": True, "at": AT, "on": date(2026, 5, 1),
        "name": "Uma", "causes": ["a", "b"], "nothing": None,
    },
    {
        "amount": Decimal("12345678901234567890.123456"), "count": None, "is_open": None,
        "at": None, "on": None, "name": None, "causes": None, "nothing": None,
    },
]  # fmt: skip


def test_what_goes_in_comes_out() -> None:
    assert list(frames.records(frames.frame(ROWS))) == ROWS


def test_types_are_those_of_the_warehouse() -> None:
    types = {name: str(dtype) for name, dtype in frames.frame(ROWS).dtypes.items()}
    assert types["amount"] == types["name"] == "object"
    assert (types["count"], types["is_open"]) == ("Int64", "boolean")
    assert isinstance(frames.frame(ROWS)["at"].dtype, pd.DatetimeTZDtype)


def test_a_sum_is_exact() -> None:
    table = frames.frame([{"amount": Decimal("0.1")}] * 3 + [{"amount": None}])
    assert frames.total(table["amount"]) == Decimal("0.3")
    assert frames.total(table["amount"][:0]) == 0


@pytest.mark.parametrize("value", [0.1, datetime(2026, 5, 1)])  # noqa: DTZ001
def test_a_float_and_an_instant_without_a_zone_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match="it_is"):
        frames.frame([{"it_is": value}])


def test_a_mart_is_read_with_its_columns_and_without_rows_too(built_sample: Any) -> None:
    query = "select * from marts.fct_invoices where month_on = %(month)s"
    with built_sample.connect() as connection:
        table = frames.read(connection, query, {"month": "2026-04-01"})
        none = frames.read(connection, query, {"month": "1999-01-01"})
    assert {type(amount) for amount in table["total_amount"]} == {Decimal}
    assert list(none.columns) == list(table.columns)
    assert len(none) == 0 < len(table)
