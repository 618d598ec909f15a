"""Is the warehouse new enough to bill from?

In: the log of loads. Out: nothing, or the sentence that holds every document back. One issuer: what
the app, or Odoo itself, has invoiced since the last load is unknown here, so it may not be old.
"""

from datetime import timedelta

from psycopg2.extensions import connection as Connection

MAX_AGE = timedelta(hours=36)
# What says whether somebody else has invoiced a period already.
OTHER_ISSUERS = (("nexacloud", "invoices"), ("odoo", "sale_order"))


def stale_reason(conn: Connection) -> str | None:
    """Why nothing may be published; loads are stamped by the real clock, so `as_of` is no help."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "select source, table_name, max(finished_at) from ops.load_runs"
            " where status = 'succeeded' and not is_dry_run and (source, table_name) in %s"
            " group by source, table_name having max(finished_at) < now() - %s order by 3",
            (OTHER_ISSUERS, MAX_AGE),
        )
        row = cursor.fetchone()
    if row is None:
        return None
    source, table, at = row
    return (
        f"{source}.{table} was loaded last at {at:%Y-%m-%d %H:%M} UTC, more than"
        f" {MAX_AGE.total_seconds() / 3600:.0f} hours ago, and may have invoiced since:"
        " run `billing run` first"
    )
