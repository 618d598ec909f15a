"""A source, looked at and ready to load. Options and an ExitStack flow in; problems, notes and
reports flow out.

Opening a session takes the source's lock, connects to both ends and looks at the whole source. It
changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psycopg2
from psycopg2.extensions import connection

from connections.odoo import OdooPort
from connections.postgres import service_database, warehouse
from connections.settings import SOURCE_FIELDS, Settings
from loaders import nexacloud_preflight, odoo_preflight
from loaders.contracts import SourceName, Table
from loaders.errors import Problem, QueryFailed, ServerLost
from loaders.nexacloud import load_nexacloud
from loaders.odoo import load_odoo
from loaders.odoo_retry import retrying
from loaders.options import LoadOptions
from loaders.report import TableReport
from loaders.runs import APPLICATION_NAME, RunLog, open_run_log, require_ops, was_loaded
from loaders.schema import ensure_raw_tables

LOCK_TIMEOUT_SECONDS = 60


class ServiceSession:
    """One read-only snapshot of a service's database, held from here to the end of the load."""

    def __init__(
        self, stack: ExitStack, service: str, tables: Sequence[Table], options: LoadOptions
    ) -> None:
        self._service, self._tables, self._options = service, tables, options
        self._log, self._target = _open_warehouse(stack, service, options)
        settings = options.settings
        self._source = stack.enter_context(
            service_database(settings, service, application_name=APPLICATION_NAME)
        )
        self._found = nexacloud_preflight.look(
            self._source, settings.source_schema(service), tables
        )
        self.problems, self.notes = self._found.problems, self._found.notes

    def load(self) -> list[TableReport]:
        with _translated(self._service, self._source, self._target):
            _prepare(self._target, self._options)
            reports = load_nexacloud(
                self._source,
                self._target,
                self._tables,
                self._found,
                self._options,
                self._log,
            )
            _finish(self._target, self._options)
            # Odoo's turn may take long: let the source forget this snapshot.
            self._source.rollback()
        return reports


class AbsentSession:
    """A service whose database is in tables.py, and that no setting names yet: its raw tables stay
    empty, and the load says so. One that was ever loaded is missed instead.
    """

    def __init__(self, service: str, tables: Sequence[Table]) -> None:
        self._tables = tables
        self.problems: list[Problem] = []
        self.notes = [f"{service} was left out: {service.upper()}_DSN is not set"]

    @staticmethod
    def fits(service: str, settings: Settings) -> bool:
        """Whether the service is not configured and never was loaded."""
        if service in SOURCE_FIELDS or settings.is_configured(service):
            return False
        with warehouse(settings, application_name=APPLICATION_NAME) as conn, conn.cursor() as cur:
            require_ops(cur)
            return not was_loaded(cur, service)

    def load(self) -> list[TableReport]:
        return [TableReport(table.source, table.name, "absent") for table in self._tables]


class OdooSession:
    """A login to Odoo and what fields_get says about every model."""

    def __init__(self, stack: ExitStack, tables: Sequence[Table], options: LoadOptions) -> None:
        self._tables, self._options = tables, options
        self._log, self._target = _open_warehouse(stack, "odoo", options)
        settings = options.settings
        self._port = retrying(settings, lambda: OdooPort.connect(settings))
        self._found = odoo_preflight.look(self._port, self._target, tables, options)
        self.problems, self.notes = self._found.problems, self._found.notes

    def load(self) -> list[TableReport]:
        with _translated("odoo", None, self._target):
            _prepare(self._target, self._options)
            return load_odoo(
                self._port, self._target, self._tables, self._found, self._options, self._log
            )


def _open_warehouse(
    stack: ExitStack, source: SourceName, options: LoadOptions
) -> tuple[RunLog, connection]:
    log = stack.enter_context(open_run_log(options.settings, source, options.run_id))
    target = stack.enter_context(warehouse(options.settings, application_name=APPLICATION_NAME))
    return log, target


def _prepare(target: connection, options: LoadOptions) -> None:
    """The raw tables exist; in a dry run only until the rollback."""
    with target.cursor() as cur:
        # A reader that forgot to end its transaction must not keep the first copy waiting forever.
        cur.execute("set lock_timeout = %s", (f"{LOCK_TIMEOUT_SECONDS}s",))
    ensure_raw_tables(target)
    if not options.dry_run:
        target.commit()


def _finish(target: connection, options: LoadOptions) -> None:
    if options.dry_run:
        target.rollback()
    else:
        target.commit()


@contextmanager
def _translated(
    source: SourceName, reader: connection | None, writer: connection
) -> Iterator[None]:
    """psycopg2's errors as ours: which server, whether to try again."""
    try:
        yield
    except psycopg2.Error as error:
        text = " ".join(str(error).split()) or type(error).__name__
        if reader is not None and reader.closed:
            raise ServerLost(f"{source} went away in the middle of the load: {text}") from error
        if writer.closed:
            raise ServerLost(
                f"the warehouse went away in the middle of the load: {text}"
            ) from error
        raise QueryFailed(f"while loading {source}: {text}", error.pgcode) from error
