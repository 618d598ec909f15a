"""The second half of every load, the same for both sources. Staged rows flow in; raw, ops and the
counts flow out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from psycopg2.extensions import cursor

from loaders import history, merge, rejects
from loaders.contracts import Table
from loaders.errors import CopyMismatch
from loaders.options import Options
from loaders.report import TableReport
from loaders.schema import mark_unfilled

REASONS_NAMED = 5


def apply_stage(
    cur: cursor,
    table: Table,
    report: TableReport,
    options: Options,
    *,
    keys: str | None,
    seen_at: datetime,
) -> None:
    """Merge load_stage into raw and record load_rejects; in a dry run, only count.

    `keys` names the temporary table that holds every key of the source, where there is one: what is
    not in it is marked as deleted. `seen_at` is the instant at which the source was looked at.
    """
    report.rejected = _count_rejects(cur)
    if keys:
        report.deleted = merge.count_vanished(cur, table, keys, options.guard)
    if options.dry_run:
        merged = merge.preview(cur, table)
    else:
        merged = merge.merge(cur, table, options.run_id, seen_at)
        # Each of these looks at all of raw: only where there is something to mark.
        if report.rejected:
            merge.mark_rejected(cur, table, options.run_id, seen_at)
        if keys and report.deleted:
            merge.mark_vanished(cur, table, keys, options.run_id, seen_at)
    report.created, report.updated = merged.created, merged.updated
    report.unchanged = merged.unchanged


def record_rejects(cur: cursor, table: Table, report: TableReport, options: Options) -> None:
    """Count load_rejects into the report, and keep them in ops.rejected_rows."""
    report.rejected = _count_rejects(cur)
    report.read = report.created + report.updated + report.unchanged + report.rejected
    if report.rejected:
        report.notes.append(_why_rejected(cur, report.rejected))
    if not options.dry_run:
        rejects.record(cur, table, options.run_id)


def keep_history(
    cur: cursor,
    table: Table,
    options: Options,
    *,
    seen_at: datetime,
    filled: Iterable[str],
    is_whole: bool,
) -> None:
    """Versions of what this load wrote, in its transaction. `filled`: columns that this load read
    for the first time, of every row.
    """
    history.fill_columns(cur, table, filled)
    mark_unfilled(cur, table, filled, is_filled=True)
    history.record(cur, table, seen_at=seen_at, run_id=options.run_id, every_row=is_whole)


def _why_rejected(cur: cursor, rejected: int) -> str:
    """The commonest reasons, each with a key to look at."""
    cur.execute(
        "select reason, count(*), min(row_key) from load_rejects group by reason"
        " order by count(*) desc, reason limit %s",
        (REASONS_NAMED,),
    )
    reasons = "; ".join(f"{reason} ({rows}, such as {key})" for reason, rows, key in cur.fetchall())
    rows = "row breaks" if rejected == 1 else "rows break"
    return (
        f"{rejected} {rows} the contract: {reasons}. ops.rejected_rows has them, and they come"
        " back by themselves once they are fixed at the source"
    )


def _count_rejects(cur: cursor) -> int:
    cur.execute("select count(*) from load_rejects")
    return int((cur.fetchone() or (0,))[0])


def hold_the_law(cur: cursor, table: Table, report: TableReport, there: int) -> None:
    """Raw + rejected = source. Raises CopyMismatch, and so takes the table's load back."""
    here, rejected = merge.live_rows(cur, table), rejects.count_open(cur, table)
    if here + rejected != there:
        raise CopyMismatch(
            f"{report.name}: the source has {there} rows, raw {here} and rejected {rejected}:"
            f" nothing was loaded;"
            " run `billing load --full`, and report it if it comes again"
        )
