"""The log of loads, and the lock. Counts flow in; rows of ops.load_runs flow out, and the last
watermark back.

'running' and 'failed' are written in a session of their own, so that they are seen while the load
works and after it was rolled back; 'succeeded' is written in the transaction of the data, so that a
watermark never gets ahead of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg2.extensions import connection, cursor

from connections.postgres import warehouse
from connections.settings import Settings
from loaders.contracts import SourceName, Table
from loaders.errors import LoadInProgress, OpsMissing
from loaders.report import TableReport

APPLICATION_NAME = "fusion_billing.load"
# The mode of a load that found nothing to read: this Odoo lacks the model, or hides it.
ABSENT = "absent"
LOCK_PATIENCE_SECONDS = 3.0
LOCK_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class LastRun:
    """What earlier successful loads of a table left. All None: it was never loaded."""

    watermark: datetime | None
    swept_at: datetime | None

    def is_sweep_due(self, table: Table) -> bool:
        return self.swept_at is None or datetime.now(UTC) - self.swept_at >= table.sweep_every


def mode_name(is_whole: bool, is_sweep: bool) -> str:
    return "full" if is_whole else "incremental+sweep" if is_sweep else "incremental"


class RunLog:
    """ops.load_runs as one source's load uses it. Needs the lock that `open_run_log` takes."""

    def __init__(self, control: connection, source: SourceName, run_id: str) -> None:
        self._control = control
        self._source = source
        self._run_id = run_id
        self._running: dict[str, int] = {}

    def last(self, table: Table) -> LastRun:
        with self._control.cursor() as cur:
            return last_run(cur, table)

    def start(self, table: Table, mode: str, watermark_from: datetime | None) -> None:
        with self._control.cursor() as cur:
            cur.execute(
                "insert into ops.load_runs (run_id, source, table_name, mode, status, started_at,"
                " watermark_from, is_dry_run) values (%s, %s, %s, %s, 'running',"
                " clock_timestamp(), %s, false)"
                " returning load_run_id",
                (self._run_id, self._source, table.name, mode, watermark_from),
            )
            row = cur.fetchone()
            assert row is not None  # insert ... returning gives one row
            self._running[table.name] = row[0]

    def succeed(self, data: cursor, report: TableReport) -> None:
        """In the data's own transaction: committed with the rows or not at all."""
        data.execute(
            "update ops.load_runs set status = 'succeeded', finished_at = clock_timestamp(),"
            " read_count = %s, created_count = %s, updated_count = %s, unchanged_count = %s,"
            " rejected_count = %s, deleted_count = %s, bytes_copied = %s, watermark_to = %s"
            " where load_run_id = %s",
            (
                report.read,
                report.created,
                report.updated,
                report.unchanged,
                report.rejected,
                report.deleted,
                report.bytes,
                report.watermark,
                self._running[report.table],
            ),
        )

    def fail(self, error: BaseException) -> None:
        """Whatever is still running did not make it."""
        with self._control.cursor() as cur:
            cur.execute(
                "update ops.load_runs set status = 'failed', finished_at = clock_timestamp(),"
                " error = %s"
                " where load_run_id = any(%s) and status = 'running'",
                (f"{type(error).__name__}: {error}"[:4000], list(self._running.values())),
            )

    def copied_rows(self, backend_pid: int) -> int | None:
        """How far the COPY of another session of ours has come."""
        with self._control.cursor() as cur:
            cur.execute(
                "select tuples_processed from pg_stat_progress_copy where pid = %s", (backend_pid,)
            )
            row = cur.fetchone()
        return int(row[0]) if row else None

    def fail_abandoned_runs(self) -> None:
        """We hold the lock, so whoever still says 'running' for this source was killed."""
        with self._control.cursor() as cur:
            cur.execute(
                "update ops.load_runs set status = 'failed', finished_at = clock_timestamp(),"
                " error = 'the loader died before it could say why' where source = %s and"
                " status = 'running'",
                (self._source,),
            )


@contextmanager
def open_run_log(settings: Settings, source: SourceName, run_id: str) -> Iterator[RunLog]:
    """Take the source's lock for the block and log its loads. Raises OpsMissing, LoadInProgress.

    The lock belongs to the session: a killed loader lets go of it by dying.
    """
    with warehouse(settings, application_name=APPLICATION_NAME) as control:
        control.autocommit = True
        with control.cursor() as cur:
            require_ops(cur)
            if not _locked(cur, source):
                raise LoadInProgress(_who_loads(cur, source))
        log = RunLog(control, source, run_id)
        log.fail_abandoned_runs()
        try:
            yield log
        except BaseException as error:
            if not control.closed:
                log.fail(error)
            raise
        finally:
            if not control.closed:
                with control.cursor() as cur:
                    cur.execute("select pg_advisory_unlock(hashtext(%s), 1)", (_lock_name(source),))


def _locked(cur: cursor, source: SourceName) -> bool:
    """Take the lock, with patience: the server may not know yet that a loader was killed."""
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    while True:
        cur.execute("select pg_try_advisory_lock(hashtext(%s), 1)", (_lock_name(source),))
        if (cur.fetchone() or (False,))[0]:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(LOCK_POLL_SECONDS)


def require_ops(cur: cursor) -> None:
    cur.execute(
        "select to_regclass('ops.load_runs') is not null and to_regclass('ops.rejected_rows')"
        " is not null"
    )
    row = cur.fetchone()
    if not row or not row[0]:
        raise OpsMissing(
            "the warehouse has no ops.load_runs: run `billing up` (sandbox) or `billing"
            " migrate` (your own warehouse)"
        )


def _lock_name(source: SourceName) -> str:
    return f"fusion_billing.load.{source}"


def _who_loads(cur: cursor, source: SourceName) -> str:
    cur.execute(
        "select run_id, min(started_at) from ops.load_runs where source = %s and status ="
        " 'running' group by run_id"
        " order by 2 desc limit 1",
        (source,),
    )
    row = cur.fetchone()
    which = f" (run {row[0]}, since {row[1].isoformat()})" if row else ""
    return f"another load of {source} is at work{which}: wait for it, or stop it and run again"


def last_run(cur: cursor, table: Table) -> LastRun:
    """Watermark of the last success, and when all keys were last compared."""
    cur.execute(
        """
        select
            (array_agg(watermark_to order by load_run_id desc))[1],
            max(started_at) filter (where mode not in ('incremental', 'absent'))
        from ops.load_runs
        where source = %s and table_name = %s and status = 'succeeded' and not is_dry_run
        """,
        (table.source, table.name),
    )
    row = cur.fetchone()
    return LastRun(*row) if row else LastRun(None, None)


def was_loaded(cur: cursor, source: SourceName) -> bool:
    """Whether any table of the source ever was."""
    cur.execute(
        "select exists (select from ops.load_runs"
        " where source = %s and status = 'succeeded' and not is_dry_run)",
        (source,),
    )
    return cur.fetchone() == (True,)
