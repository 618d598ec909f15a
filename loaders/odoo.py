"""Odoo into raw_odoo. Pages of records flow in over RPC; merged raw tables and reports flow out.

Odoo shows no snapshot, no index on write_date and no microseconds, so: the window starts `overlap`
before the greatest write_date that stood there when the last load began, it is read in the order of
the id, and what comes twice is merged once. Each model is one transaction; a load that dies repeats
the model it was at and loses nothing.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection, cursor
from psycopg2.sql import Composable

from connections.odoo import OdooPort, Record
from loaders import merge, odoo_values, rejects
from loaders.apply import apply_stage, assert_row_counts_match, keep_history, record_rejects
from loaders.contracts import Table
from loaders.odoo_pages import Pages
from loaders.odoo_preflight import CONTEXT, OdooFound, count, greatest_write_date
from loaders.odoo_retry import retrying
from loaders.options import LoadOptions
from loaders.pipe import CHUNK
from loaders.progress import Meter
from loaders.relations import relation
from loaders.report import TableReport, why_whole
from loaders.runs import ABSENT, LastRun, RunLog, mode_name
from loaders.schema import mark_unfilled, unfilled_columns

REJECTS = sql.SQL("copy load_rejects from stdin")

# A page of bare ids may be longer than a page of records.
IDS_PER_RECORD = 10


def load_odoo(
    port: OdooPort,
    target: connection,
    tables: Sequence[Table],
    found: OdooFound,
    options: LoadOptions,
    log: RunLog,
) -> list[TableReport]:
    """Load each model that exists here; commits after each."""
    reports = []
    for table in tables:
        if table.name not in found.fields:
            reports.append(_absent(target, table, options, log))
            continue
        with target.cursor() as writer:
            load = _ModelLoad(port, writer, table, found.fields[table.name], options, log)
            reports.append(load.run())
        if not options.dry_run:
            target.commit()
    if options.dry_run:
        target.rollback()
    return reports


def _absent(target: connection, table: Table, options: LoadOptions, log: RunLog) -> TableReport:
    """On record as looked at: a table of which nothing is expected is not one that is late."""
    report = TableReport("odoo", table.name, ABSENT)
    if not options.dry_run:
        log.start(table, ABSENT, None)
        with target, target.cursor() as writer:
            log.succeed(writer, report)
    return report


@dataclass
class _ModelLoad:
    port: OdooPort
    writer: cursor
    table: Table
    fields: tuple[str, ...]
    options: LoadOptions
    log: RunLog

    def __post_init__(self) -> None:
        self.report = TableReport("odoo", self.table.name, "full")
        self.meter = Meter(self.table, None, self.options.progress)
        self.read = self.staged = 0
        self.columns = [column for column in self.table.columns if column.name in self.fields]
        self._stage_into(sql.SQL("load_stage"), {})

    def _stage_into(self, target: Composable, more: Mapping[str, str]) -> None:
        """Records go into `target`, with the same value of each column in `more`."""
        # Columns that this Odoo lacks are not named, and so NULL.
        names = [*(column.name for column in self.columns), *more]
        self.stage = sql.SQL("copy {} ({}) from stdin").format(
            target, sql.SQL(", ").join(map(sql.Identifier, names))
        )
        self.end = "".join("\t" + odoo_values.text(value) for value in more.values()) + "\n"

    def run(self) -> TableReport:
        started = time.monotonic()
        self.seen_at = datetime.now(UTC)
        last = self.log.last(self.table)
        unfilled = unfilled_columns(self.writer, self.table)
        self.unfilled = unfilled & set(self.fields)
        self.absent = set(self.table.column_names) - unfilled - set(self.fields)
        if self.unfilled:
            self.report.notes.append(why_whole(self.unfilled))
        since = self._since(last)
        is_sweep = since is None or last.is_sweep_due(self.table)
        self.report.mode = mode_name(since is None, is_sweep)
        self.report.watermark_from = last.watermark if since else None
        if not self.options.dry_run:
            self.log.start(self.table, self.report.mode, self.report.watermark_from)
        # Before the first page: what is written while we read is above it, and read again the next
        # time.
        self.report.watermark = self._newest() or self.report.watermark_from
        merge.make_stage(self.writer, self.table)
        is_first = merge.is_empty(self.writer, self.table) and not self.options.dry_run
        if is_first:
            self._stage_into(relation(self.table), self._bookkeeping())
        self._expect(since)
        self._read([("write_date", ">=", _odoo_time(since))] if since else [])
        if since:
            self._read_again()
        if since and is_sweep:
            self._sweep()
        if is_first:
            self._count_first()
        else:
            self._apply(("load_keys" if since else "load_stage") if is_sweep else None)
        self.report.seconds = time.monotonic() - started
        self.meter.show(self.report.read, is_done=True)
        if not self.options.dry_run:
            mark_unfilled(self.writer, self.table, self.absent, is_filled=False)
            keep_history(
                self.writer,
                self.table,
                self.options,
                seen_at=self.seen_at,
                filled=self.unfilled if since is None else (),
                is_whole=since is None,
            )
            self.log.succeed(self.writer, self.report)
        return self.report

    def _bookkeeping(self) -> dict[str, str]:
        # PostgreSQL reads the word as the instant at which the transaction began, as now() does.
        return {"_run_id": self.options.run_id, "_loaded_at": "now"}

    def _newest(self) -> datetime | None:
        if self.table.watermark not in self.fields:
            return None
        read = partial(greatest_write_date, self.port, self.table.source_name)
        return retrying(self.options.settings, read)

    def _expect(self, since: datetime | None) -> None:
        """For the ETA, which only somebody who watches needs."""
        if self.options.progress:
            domain = [("write_date", ">=", _odoo_time(since))] if since else []
            total = retrying(
                self.options.settings, partial(count, self.port, self.table.source_name, domain)
            )
            self.meter = Meter(self.table, total, self.options.progress)

    def _since(self, last: LastRun) -> datetime | None:
        """Where the window starts; None reads the model whole."""
        if self.options.full or last.watermark is None or self.table.watermark not in self.fields:
            return None
        if self.unfilled or merge.is_empty(self.writer, self.table):
            return None
        return last.watermark - timedelta(minutes=self.options.settings.load_odoo_overlap_minutes)

    def _read(self, domain: list[Any]) -> None:
        """Pages into where they are staged."""
        settings, model = self.options.settings, self.table.source_name
        pages = Pages(self.port, settings, model, self.fields, domain)
        # Closed at once where staging fails: nobody is to be asked for pages that nobody will read.
        with closing(iter(pages)) as read:
            for page in read:
                self._stage(page)
                self.meter.show(self.read)

    def _read_again(self) -> None:
        """Open rejections, wherever the window stands."""
        ids = [int(key) for key in rejects.open_keys(self.writer, self.table)]
        # The window may have shown some of them already; the later look counts.
        self.writer.execute("delete from load_stage where id = any(%s)", (ids,))
        self.writer.execute(
            "delete from load_rejects where row_key = any(%s)", (list(map(str, ids)),)
        )
        self._read_ids(ids)

    def _read_ids(self, ids: Sequence[int]) -> None:
        size = self.options.settings.odoo_page_size
        for start in range(0, len(ids), size):
            self._read([("id", "in", list(ids[start : start + size]))])

    def _sweep(self) -> None:
        """All ids of the model; those that neither raw nor the window has are read now."""
        self.meter.say("comparing ids")
        for ids in self._id_pages():
            self.writer.copy_expert(
                "copy load_keys from stdin", io.StringIO("".join(f"{key}\n" for key in ids))
            )
        missing = [int(key) for key in merge.missing_keys(self.writer, self.table)]
        self._read_ids(missing)
        # What is still missing was deleted between the two looks.
        gone = merge.missing_keys(self.writer, self.table) if missing else []
        self.writer.execute("delete from load_keys where key = any(%s)", (gone,))

    def _id_pages(self) -> Iterator[list[int]]:
        size, after = self.options.settings.odoo_page_size * IDS_PER_RECORD, 0
        while True:
            search = partial(
                self.port.search,
                self.table.source_name,
                [("id", ">", after)],
                order="id",
                limit=size,
                context=CONTEXT,
            )
            ids = retrying(self.options.settings, search)
            if ids:
                yield ids
            if len(ids) < size:
                return
            after = ids[-1]

    def _count_first(self) -> None:
        """Nothing was here to merge with: the pages went into the table itself as they came."""
        self.report.created = self.staged
        record_rejects(self.writer, self.table, self.report, self.options)
        assert_row_counts_match(self.writer, self.table, self.report, self.read)

    def _apply(self, keys: str | None) -> None:
        """Merge; where every id was seen, hold the law."""
        self.meter.say("merging")
        apply_stage(
            self.writer, self.table, self.report, self.options, keys=keys, seen_at=self.seen_at
        )
        record_rejects(self.writer, self.table, self.report, self.options)
        if keys and not self.options.dry_run:
            self.writer.execute(
                "select count(*) from load_keys"
                if keys == "load_keys"
                else "select count(*) + (select count(*) from load_rejects) from load_stage"
            )
            assert_row_counts_match(
                self.writer, self.table, self.report, (self.writer.fetchone() or (0,))[0]
            )

    def _stage(self, page: list[Record]) -> None:
        try:
            self._keep(odoo_values.lines(self.columns, page, self.end))
        except (odoo_values.BrokenValue, KeyError):
            self._stage_one_by_one(page)

    def _stage_one_by_one(self, page: list[Record]) -> None:
        """Some record of the page is broken: set it aside with its reason."""
        good, bad = [], []
        for record in page:
            try:
                good.append(odoo_values.line(self.columns, record, self.end))
            except odoo_values.BrokenValue as error:
                cells = (str(record["id"]), str(error), odoo_values.exact_json(record))
                bad.append("\t".join(map(odoo_values.text, cells)) + "\n")
        self._keep(good)
        self._copy(REJECTS, bad)

    def _keep(self, lines: list[str]) -> None:
        self._copy(self.stage, lines)
        self.staged += len(lines)

    def _copy(self, statement: Composable, lines: list[str]) -> None:
        if lines:
            data = "".join(lines).encode()
            self.writer.copy_expert(statement, io.BytesIO(data), size=CHUNK)
            self.report.bytes += len(data)
            self.read += len(lines)


def _odoo_time(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
