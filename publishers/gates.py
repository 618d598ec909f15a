"""The gates: from which period on Odoo issues for a subscription; and what people accepted.

In: decisions of people. Out: append-only rows of ops.cutover_gates, ops.cause_acceptances and
ops.exception_acknowledgements, in the caller's transaction: many decisions are written all or none.
Readiness is the marts' business; who may open a gate is the caller's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg2.extensions import connection as Connection

from publishers.identities import look_from, speak_for
from publishers.ledger import lock_decisions


class GateError(ValueError):
    """A gate that cannot be set so, and how to fix it."""


@contextmanager
def all_or_none(conn: Connection) -> Iterator[None]:
    """Many decisions, of which none is kept where one is refused; the caller commits."""
    with conn.cursor() as cursor:
        cursor.execute("savepoint all_or_none")
        try:
            yield
        except BaseException:
            cursor.execute("rollback to savepoint all_or_none")
            raise
        finally:
            cursor.execute("release savepoint all_or_none")


def open_gate(
    conn: Connection,
    *,
    service: str,
    external_subscription_id: str,
    from_period_start: datetime,
    by: str,
    note: str | None = None,
) -> int:
    """Odoo issues for this subscription from the service period that starts at `from_period_start`.

    Opening it again with another start replaces the first; periods that were published stay
    published. Raises GateError where the new start would leave a published period before the gate.
    """
    if from_period_start.tzinfo is None:
        raise GateError("from_period_start needs a time zone: a period starts at an instant")
    with conn.cursor() as cursor:
        lock_decisions(cursor)
        _speak_for(cursor, by)
        _refuse_to_skip(cursor, service, external_subscription_id, from_period_start)
        return _insert(
            cursor,
            "cutover_gates",
            "gate_id",
            service=service,
            external_subscription_id=external_subscription_id,
            decision="open",
            from_period_start=from_period_start,
            note=note,
        )


def _refuse_to_skip(cursor: Any, service: str, subscription: str, start: datetime) -> None:
    cursor.execute(
        "select min(service_period_start) from ops.publication_lines where released_at is null"
        " and service = %s and external_subscription_id = %s and corrects_period_start is null",
        (service, subscription),
    )
    first = cursor.fetchone()[0]
    if first is not None and first < start:
        raise GateError(
            f"{service}:{subscription} is published from {first.isoformat()} on: a gate from"
            f" {start.isoformat()} would disown that; open it from {first.isoformat()}"
        )


def close_gate(
    conn: Connection,
    *,
    service: str,
    external_subscription_id: str,
    by: str,
    note: str | None = None,
) -> int:
    """Odoo issues nothing new for this subscription; what is published stays."""
    with conn.cursor() as cursor:
        lock_decisions(cursor)
        _speak_for(cursor, by)
        return _insert(
            cursor,
            "cutover_gates",
            "gate_id",
            service=service,
            external_subscription_id=external_subscription_id,
            decision="close",
            note=note,
        )


def accept_cause(
    conn: Connection,
    *,
    service: str,
    external_subscription_id: str,
    period_start: datetime,
    cause: str,
    amount: Decimal,
    currency: str,
    by: str,
    note: str | None = None,
    marts: str = "marts",
) -> int:
    """A person accepts that `cause` explains `amount` of a difference, as the marts say now."""
    with conn.cursor() as cursor:
        _speak_for(cursor, by, marts)
        return _insert(
            cursor,
            "cause_acceptances",
            "acceptance_id",
            service=service,
            external_subscription_id=external_subscription_id,
            period_start=period_start,
            cause=cause,
            amount=amount,
            currency=currency,
            note=note,
        )


def acknowledge_exception(
    conn: Connection,
    *,
    exception_key: str,
    facts_hash: str,
    by: str,
    until: datetime | None = None,
    note: str | None = None,
    marts: str = "marts",
) -> int:
    """A person has seen an exception, as long as its facts stay the same and until `until`."""
    with conn.cursor() as cursor:
        _speak_for(cursor, by, marts)
        return _insert(
            cursor,
            "exception_acknowledgements",
            "acknowledgement_id",
            exception_key=exception_key,
            facts_hash=facts_hash,
            until=until,
            note=note,
        )


def _speak_for(cursor: Any, by: str, marts: str = "marts") -> None:
    if not by.strip():
        raise GateError("a decision needs a name: say who decides")
    speak_for(cursor, by)
    look_from(cursor, marts)


def _insert(cursor: Any, table: str, key: str, **values: Any) -> int:
    columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    cursor.execute(
        f"insert into ops.{table} ({columns}) values ({marks}) returning {key}",
        list(values.values()),
    )
    return int(cursor.fetchone()[0])
