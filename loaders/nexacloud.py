"""NexaCloud into raw_nexacloud, and any other service's database into its own raw schema. A
read-only snapshot of the source flows in; merged raw tables and reports flow out.

All tables of a run come from one snapshot and are committed in one transaction, so that whoever
reads raw_nexacloud sees NexaCloud as it was at one instant, and a loader that dies, wherever,
leaves it as it was.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from psycopg2 import sql
from psycopg2.extensions import connection, cursor
from psycopg2.sql import Composable

from loaders import merge, nexacloud_sql, rejects, totals
from loaders.apply import apply_stage, assert_row_counts_match, keep_history, record_rejects
from loaders.contracts import Table
from loaders.errors import CopyMismatch
from loaders.first_copy import copy_into_empty
from loaders.nexacloud_preflight import FoundTable, NexacloudFound
from loaders.nexacloud_sql import EVERYTHING, Window
from loaders.options import LoadOptions
from loaders.pipe import pipe_copy
from loaders.progress import Meter, copy_watch
from loaders.relations import relation
from loaders.report import TableReport, why_whole
from loaders.runs import LastRun, RunLog, mode_name
from loaders.schema import unfilled_columns

STAGE = sql.SQL("copy load_stage from stdin (format binary)")
REJECTS = sql.SQL("copy load_rejects from stdin (format binary)")
KEYS = sql.SQL("copy load_keys from stdin (format binary)")

# Keys per statement when single rows are fetched again.
BATCH = 10_000


def load_nexacloud(
    source: connection,
    target: connection,
    tables: Sequence[Table],
    found: NexacloudFound,
    options: LoadOptions,
    log: RunLog,
) -> list[TableReport]:
    """Load the tables from the snapshot that `source` has open, in `target`'s transaction; the
    caller commits.
    """
    reports = []
    with source.cursor() as reader, target.cursor() as writer:
        for table in tables:
            there = found.tables[table.source_name]
            load = _TableLoad(reader, writer, table, there, found, options, log)
            reports.append(load.run())
    return reports


@dataclass
class _TableLoad:
    """One table's load. Its methods run in the order in which they stand."""

    reader: cursor
    writer: cursor
    table: Table
    there: FoundTable
    found: NexacloudFound
    options: LoadOptions
    log: RunLog

    def __post_init__(self) -> None:
        self.schema = self.options.settings.source_schema(self.table.source)
        self.report = TableReport(self.table.source, self.table.name, "full")

    def run(self) -> TableReport:
        started = time.monotonic()
        where = self._begin(self.log.last(self.table))
        self.meter.say("looking for broken rows")
        merge.make_stage(self.writer, self.table)
        self._pipe(nexacloud_sql.copy_rejected(self.schema, self.table, where), REJECTS)
        self.meter.say("")
        if self.is_first and not self.options.dry_run:
            self._first_copy()
        else:
            self._refresh(where)
            if self.is_sweep and not (self.is_whole and self.options.dry_run):
                self._prove()
        record_rejects(self.writer, self.table, self.report, self.options)
        if self.is_sweep and not self.options.dry_run:
            assert_row_counts_match(self.writer, self.table, self.report, self._source_rows())
        self.report.seconds = time.monotonic() - started
        self.meter.show(self.report.read, is_done=True)
        if not self.options.dry_run:
            keep_history(
                self.writer,
                self.table,
                self.options,
                seen_at=self.found.seen_at,
                filled=self.unfilled,
                is_whole=self.is_whole,
            )
            self.log.succeed(self.writer, self.report)
        return self.report

    def _begin(self, last: LastRun) -> Composable:
        """Decide what kind of load this is, and log that it began; return which rows to read."""
        self.is_first = merge.is_empty(self.writer, self.table)
        self.unfilled = unfilled_columns(self.writer, self.table)
        self.is_whole = (
            self.is_first or self.options.full or last.watermark is None or bool(self.unfilled)
        )
        if self.unfilled:
            self.report.notes.append(why_whole(self.unfilled))
        self.is_sweep = self.is_whole or last.is_sweep_due(self.table)
        self.report.mode = mode_name(self.is_whole, self.is_sweep)
        self.report.watermark_from = None if self.is_whole else last.watermark
        if not self.options.dry_run:
            self.log.start(self.table, self.report.mode, self.report.watermark_from)
        where = EVERYTHING if self.is_whole else self._window(last)
        self.report.plan, estimate = self._plan(where)
        total = self.there.rows if self.is_whole else estimate
        self.meter = Meter(self.table, total, self.options.progress)
        return where

    def _window(self, last: LastRun) -> Composable:
        assert last.watermark is not None  # a table without one is read whole
        overlap = timedelta(minutes=self.options.settings.load_overlap_minutes)
        window = Window(
            last.watermark - overlap,
            self._greatest_key() if self.table.key.raw_type == "bigint" else None,
            rejects.open_keys(self.writer, self.table),
        )
        return nexacloud_sql.in_window(self.table, window)

    def _greatest_key(self) -> int | None:
        raw, key = relation(self.table), sql.Identifier(self.table.key.name)
        self.writer.execute(sql.SQL("select max({}) from {}").format(key, raw))
        row = self.writer.fetchone()
        return row[0] if row else None

    def _plan(self, where: Composable) -> tuple[str, int]:
        """How the source will read it, in its planner's words, and how many rows that expects."""
        self.reader.execute(
            sql.SQL("explain select 1 from {} where {}").format(
                nexacloud_sql.source(self.schema, self.table), where
            )
        )
        lines = [line for (line,) in self.reader.fetchall() if "  (" in line]
        expected = re.search(r"rows=(\d+)", lines[0])
        plan = " / ".join(line.split("  (")[0].strip(" ->") for line in lines)
        return plan, int(expected[1]) if expected else 0

    def _first_copy(self) -> None:
        copied = copy_into_empty(
            self.reader,
            self.writer,
            self.table,
            nexacloud_sql.copy_valid(self.schema, self.table, EVERYTHING),
            self.options.run_id,
            self._watch(),
        )
        self.writer.execute(sql.SQL("analyze {}").format(relation(self.table)))
        self.report.bytes += copied.bytes
        self.report.created = copied.rows
        self._compare(EVERYTHING, relation(self.table), "table")

    def _refresh(self, where: Composable) -> None:
        self._stage(where)
        keys = ("load_stage" if self.is_whole else "load_keys") if self.is_sweep else None
        self.meter.say("merging")
        apply_stage(
            self.writer,
            self.table,
            self.report,
            self.options,
            keys=keys,
            seen_at=self.found.seen_at,
        )

    def _prove(self) -> None:
        """Count and sum all of both sides. Raises CopyMismatch where reading it whole does not
        help.
        """
        if self._is_equal():
            return
        if not self.is_whole:
            self._read_whole_after_all()
            if self.options.dry_run or self._is_equal():
                return
        raise CopyMismatch(
            f"{self.report.name}: the source counts {self.report.source_totals}, raw"
            f" {self.report.raw_totals}: nothing was loaded"
        )

    def _is_equal(self) -> bool:
        # What was read whole was compared by the merge, row by row.
        is_hashed = not (self.is_whole or self.table.is_append_only)
        if not self.is_whole:
            self.report.source_totals, _ = totals.of_source(
                self.reader, self.schema, self.table, EVERYTHING, is_hashed=is_hashed
            )
        here = merge.live(self.table)
        if self.options.dry_run:
            here = merge.live_after_sweep(self.table)
        self.report.raw_totals = totals.of_copy(
            self.writer, self.table, sql.SQL("({})").format(here), is_hashed=is_hashed
        )
        self.report.compared = "table"
        return self.report.source_totals == self.report.raw_totals

    def _read_whole_after_all(self) -> None:
        """Keys agree and values do not: rows were edited and no watermark moved."""
        report = self.report
        created, updated, deleted = report.created, report.updated, report.deleted
        self.is_whole = True
        merge.make_stage(self.writer, self.table)
        self._pipe(nexacloud_sql.copy_rejected(self.schema, self.table, EVERYTHING), REJECTS)
        self._refresh(EVERYTHING)
        edited = report.updated
        if self.options.dry_run:
            edited -= updated  # nothing was written yet, so this pass counted all of it
        else:
            report.unchanged -= created + updated
            report.created += created
            report.updated += updated
            report.deleted += deleted
        report.notes.append(
            f"rows edited at the source without moving {self.table.watermark}: {edited};"
            " so the table was read whole"
        )

    def _stage(self, where: Composable) -> None:
        self._pipe(nexacloud_sql.copy_valid(self.schema, self.table, where), STAGE)
        self._compare(where, sql.SQL("load_stage"), "table" if self.is_whole else "window")
        if self.is_sweep and not self.is_whole:
            self._pipe(nexacloud_sql.copy_keys(self.schema, self.table), KEYS)
            self._fetch(merge.missing_keys(self.writer, self.table))

    def _fetch(self, keys: Sequence[str | int]) -> None:
        """Rows that the window did not show and raw does not have."""
        for start in range(0, len(keys), BATCH):
            where = nexacloud_sql.among(self.table, keys[start : start + BATCH])
            self._pipe(nexacloud_sql.copy_valid(self.schema, self.table, where), STAGE)
            self._pipe(
                nexacloud_sql.copy_rejected(self.schema, self.table, where, keyless=False), REJECTS
            )

    def _source_rows(self) -> int:
        """All rows of the source in this snapshot, from what was already counted in it."""
        if self.is_whole:
            assert self.report.source_totals is not None  # _compare counted the valid ones
            return self.report.source_totals.rows + self.report.rejected
        self.writer.execute(
            "select count(*) + (select count(*) from load_rejects where row_key like 'null:%')"
            " from load_keys"
        )
        return int((self.writer.fetchone() or (0,))[0])

    def _compare(self, where: Composable, copy: Composable, scope: str) -> None:
        """Count and sum both sides of the copy in the source's snapshot; keep the new watermark."""
        self.meter.say("comparing")
        theirs, watermark = totals.of_source(self.reader, self.schema, self.table, where)
        ours = totals.of_copy(self.writer, self.table, copy)
        if theirs != ours:
            raise CopyMismatch(
                f"{self.report.name}: the source counts {theirs}, the copy {ours}: nothing was"
                f" loaded"
            )
        self.report.compared = scope
        self.report.source_totals, self.report.raw_totals = theirs, ours
        # Never ahead of a transaction that may still be open; never back.
        seen = min(watermark, self.found.horizon) if watermark else None
        known = self.report.watermark_from
        self.report.watermark = max((at for at in (seen, known) if at), default=None)

    def _pipe(self, copy_out: Composable, copy_in: Composable) -> None:
        watch = self._watch() if copy_in is STAGE else None
        copied = pipe_copy(self.reader, copy_out, self.writer, copy_in, watch)
        self.report.bytes += copied.bytes
        if watch:
            self.meter.show(copied.rows)

    def _watch(self) -> Callable[[int], None] | None:
        if self.options.progress is None:
            return None
        pid = self.writer.connection.info.backend_pid
        return copy_watch(self.meter, lambda: self.log.copied_rows(pid))
