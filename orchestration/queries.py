"""What people and machines ask of the marts, as rows.

Flows in: a warehouse session and filters. Flows out: dictionaries with Decimal amounts and
aware times. Every query names its columns: the JSON of the command line is a contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from psycopg2.errors import InvalidSchemaName, UndefinedColumn, UndefinedTable
from psycopg2.extensions import connection
from psycopg2.extras import RealDictCursor

from connections.settings import Settings
from orchestration.errors import CommandError
from publishers.lines import in_month

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

    def as_parameters(self) -> dict[str, str | None]:
        """The filters as named query parameters."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def select(
    conn: connection, settings: Settings, query: str, parameters: Mapping[str, Any] | None = None
) -> list[Row]:
    """Run a query; {marts}, {staging} and {intermediate} stand for this deployment's schemas."""
    text = query
    for layer in ("staging", "intermediate", "marts"):
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
        raise CommandError(
            f"{beginning} names {len(found)} subscriptions: `billing readiness --json` lists them"
        )
    return str(found[0])


def in_period(query: str, column: str, zone: str = ZONE) -> str:
    """Fill {in_period} with the condition that `column` lies in the month %(period)s."""
    return query.replace("{in_period}", in_month(column, zone))
