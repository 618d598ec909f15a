"""What people and machines ask of the marts, as rows.

Flows in: a warehouse session and filters. Flows out: dictionaries with Decimal amounts and
aware times. Every query names its columns: the JSON of the command line is a contract.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from psycopg2.errors import InvalidSchemaName, UndefinedColumn, UndefinedTable
from psycopg2.extensions import connection
from psycopg2.extras import RealDictCursor

from connections.builds import pinned
from connections.months import first_day, in_month
from connections.postgres import warehouse
from connections.settings import Settings
from orchestration.command_error import CommandError

Row = dict[str, Any]

# A period belongs to a month by its start on the service's own clock: one filter for all verbs.
ZONE = "services.timezone"
# A line says itself by which zone its period was cut.
LINE_ZONE = "coalesce(l.policies ->> 'timezone', services.timezone)"


@dataclass(frozen=True)
class Filters:
    """What to look at; None means all. `period` is a month of the service's own time zone."""

    period: str | None = None
    service: str | None = None
    subscription: str | None = None
    customer: str | None = None

    def as_parameters(self) -> dict[str, Any]:
        """The filters as named query parameters; `month` is the first day of the period."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**given, "month": first_day(self.period)}


@contextmanager
def reading(settings: Settings) -> Iterator[connection]:
    """A session whose statements all read one build; where a newer one failed, it is said."""
    with warehouse(settings) as conn, pinned(conn, settings.schema("marts")) as build:
        if build and build.failed_at:
            from orchestration import render  # of rich, which Dagster needs not

            render.stderr.print(f"note: these are figures {build.sentence}", highlight=False)
        yield conn


def select(
    conn: connection, settings: Settings, query: str, parameters: Mapping[str, Any] | None = None
) -> list[Row]:
    """Run a query; {marts}, {serving} and other layers stand for this deployment's schemas."""
    text = query
    for layer in ("staging", "intermediate", "marts", "serving"):
        text = text.replace("{" + layer + "}", settings.schema(layer))
    with conn.cursor(cursor_factory=RealDictCursor) as cursor:
        try:
            cursor.execute(text, parameters or {})
        except (UndefinedTable, InvalidSchemaName, UndefinedColumn) as error:
            missing = str(error).splitlines()[0]
            raise CommandError(
                f"the warehouse is not built ({missing}): run `billing run`"
            ) from None
        return [dict(row) for row in cursor.fetchall()]


_SUBSCRIPTIONS = """
    select external_subscription_id from {intermediate}.int_subscriptions
    where starts_with(external_subscription_id, %(beginning)s)
    union
    select external_subscription_id from {marts}.fct_reconciliation
    where starts_with(external_subscription_id, %(beginning)s)
    order by external_subscription_id
"""


def whole_id(conn: connection, settings: Settings, beginning: str | None) -> str | None:
    """The external id of the one subscription that begins so, as tables show it; None stays None.

    Raises CommandError where none or several begin so: a decision is never made about a guess.
    """
    if beginning is None:
        return None
    rows = select(conn, settings, _SUBSCRIPTIONS, {"beginning": beginning})
    found = [row["external_subscription_id"] for row in rows]
    if beginning in found:
        return beginning
    if len(found) != 1:
        verb = "billing readiness --json"
        raise CommandError(how_many(beginning, found, "subscription", verb))
    return str(found[0])


def in_period(query: str, column: str, zone: str = ZONE) -> str:
    """Fill {in_period} with the condition that `column` lies in the month %(month)s, if any."""
    month = in_month(column, zone)
    return query.replace("{in_period}", f"(%(month)s::date is null or {month})")


def how_many(beginning: str, found: Sequence[object], thing: str, verb: str) -> str:
    """Why the beginning of a key names no single thing, and what lists the keys."""
    if not found:
        return f"no {thing} begins with {beginning}: `{verb}` lists them"
    return f"{len(found)} {thing}s begin with {beginning}: write more of it; `{verb}` lists them"
