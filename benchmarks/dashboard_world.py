"""A warehouse of 20,000 subscriptions x 12 months for the pages' benchmark.

In: a warehouse of the sample, built by `billing run`. Out: a clone of it in which the rows of its
invoiced subscriptions stand many times, with keys, customers and partners of their own, shifted
back by months. A shortcut, and said so: dbt did not rate these rows. What it makes of them for the
pages (BUILT) it builds anew, and every view that the pages read computes over them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

MONTHS_OF_THE_SAMPLE = 2
# Rows for each copy of a subscription and each pair of months.
BY_MONTH = (
    "marts.fct_invoice_lines",
    "marts.fct_reconciliation",
    "marts.fct_reconciliation_causes",
    "marts.fct_monthly_revenue",
    "marts.rpt_usage_by_customer",
    "marts.fct_exceptions",
    "intermediate.int_rated_lines",
    "marts.fct_readiness_periods",
    "intermediate.int_subscription_periods",
    "marts.fct_invoices",
    "marts.fct_payments",
    "marts.fct_mrr",
    "marts.fct_mrr_movements",
    "marts.rpt_unbilled",
)
# Rows for each copy of a subscription or of its customer.
ONCE = (
    "marts.dim_customers",
    "marts.dim_subscriptions",
    "marts.rpt_forecast",
    "marts.rpt_receivables_aging",
    "intermediate.int_customer_partners",
    "intermediate.int_subscriptions",
    "intermediate.int_partner_taxes",
    "ops.cutover_gates",
)
# What dbt builds anew out of these rows, with all that hangs on it.
BUILT = (
    "fct_line_obstacles+",
    "fct_line_exceptions+",
    "fct_readiness_periods+",
    "rpt_reconciliation_by_month",
    "rpt_revenue_by_month",
)
# So far apart are the partners of two copies.
PARTNERS_APART = 1_000_000
# Sums by month, whatever the number of subscriptions.
SUMMED = ("marts.rpt_money_at_stake", "marts.fct_monthly_margin", "marts.rpt_tax_by_province")
SUFFIXED = ("subscription_id", "external_subscription_id", "external_customer_id", "debtor_id")
HASHED = ("line_key", "exception_key", "invoice_key", "payment_key")
COLUMNS = """
select column_name, data_type, is_identity = 'YES'
from information_schema.columns
where table_schema = %s and table_name = %s
order by ordinal_position
"""


@dataclass(frozen=True)
class Size:
    """How many copies of the sample's subscriptions, and how many pairs of months."""

    copies: int
    pairs: int


def multiply(conn: Connection, subscriptions: int, months: int) -> Size:
    """Fill the warehouse up; returns what was made."""
    with conn, conn.cursor() as cursor:
        cursor.execute("set time zone 'America/Toronto'")  # months begin on the services' clock
        cursor.execute(
            "create temporary table template on commit drop as"
            " select distinct subscription_id, external_subscription_id, external_customer_id,"
            " partner_id from marts.fct_reconciliation"
        )
        cursor.execute("select count(*) from template")
        (known,) = cursor.fetchone() or (0,)
        size = Size(-(-subscriptions // known) - 1, months // MONTHS_OF_THE_SAMPLE - 1)
        for table in BY_MONTH:
            _copy(cursor, table, size.copies, size.pairs)
        for table in ONCE:
            _copy(cursor, table, size.copies, 0)
        for table in SUMMED:
            _copy(cursor, table, 0, size.pairs)
    conn.autocommit = True
    with conn.cursor() as cursor:
        cursor.execute("vacuum analyze")
    conn.autocommit = False
    return size


def _copy(cursor: Cursor, table: str, copies: int, pairs: int) -> None:
    schema, name = table.split(".")
    cursor.execute(COLUMNS, (schema, name))
    columns = [(c, kind) for c, kind, is_identity in cursor.fetchall() if not is_identity]
    names = [column for column, _ in columns]
    statement = sql.SQL(
        "insert into {table} ({names}) select {values} from {table} as r"
        " cross join generate_series(0, {copies}) as n cross join generate_series(0, {pairs}) as m"
        " where (n, m) <> (0, 0) and {ours}"
    ).format(
        table=sql.Identifier(schema, name),
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(_values(columns)),
        copies=sql.Literal(copies),
        pairs=sql.Literal(pairs),
        ours=_ours(names),
    )
    cursor.execute(statement)


def _values(columns: Sequence[tuple[str, str]]) -> Iterator[sql.Composable]:
    for column, kind in columns:
        value = sql.SQL("r.{}").format(sql.Identifier(column))
        if column in SUFFIXED:
            yield sql.SQL("case n when 0 then {0} else {0} || '-' || n end").format(value)
        elif column == "partner_id":
            apart = sql.Literal(PARTNERS_APART)
            yield sql.SQL("{} + n * {}::bigint").format(value, apart)
        elif column in HASHED:
            yield sql.SQL("md5({} || n || '/' || m)").format(value)
        elif kind in ("date", "timestamp with time zone") and not column.startswith("gate"):
            shift = sql.SQL("({} - make_interval(months => 2 * m))").format(value)
            yield sql.SQL("{}::date").format(shift) if kind == "date" else shift
        else:
            yield value


def _ours(names: Sequence[str]) -> sql.Composable:
    """Only the subscriptions that were reconciled, and their customers."""
    for column in (*SUFFIXED[:3], "partner_id"):
        if column in names:
            return sql.SQL("r.{0} in (select {0} from template)").format(sql.Identifier(column))
    return sql.SQL("true")
