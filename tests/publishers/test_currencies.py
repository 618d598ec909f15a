"""Two places know the decimals of currencies, Python and `ops`; they say the same."""

from __future__ import annotations

from contextlib import closing

import psycopg2

from connections import currencies


def test_the_warehouse_and_the_pages_give_a_currency_the_same_decimals(warehouse_dsn: str) -> None:
    names = sorted({*currencies.EXCEPTIONS, "CAD", "USD", "EUR", "cad", "jpy"})
    with closing(psycopg2.connect(warehouse_dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("select name, ops.currency_decimals(name) from unnest(%s) as name", (names,))
        assert dict(cursor.fetchall()) == {name: currencies.decimals(name) for name in names}
        cursor.execute("select pg_get_functiondef('ops.currency_decimals(text)'::regprocedure)")
        [[source]] = cursor.fetchall()
    listed = {word for word in source.split("'") if len(word) == 3 and word.isupper()}
    assert listed == set(currencies.EXCEPTIONS)
