"""The publication ledger: what was claimed, sent, confirmed, quarantined; every step on record.

In: a warehouse session and documents. Out: rows of ops.publications, ops.publication_lines and
ops.publication_events. Each function is one transaction, committed when it returns: the ledger is
always ahead of what is asked of Odoo and never ahead of what Odoo answered.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.extras import execute_values

from publishers.lines import dicts
from publishers.taxes import Totals

# Claims queue one behind the other; decisions about lines take the same lock shared.
CLAIM_LOCK = 0x66_62_63_6C_61_69_6D
# First half of the advisory lock that a run holds while it lives; the second is its name's hash.
RUN_LOCK_CLASS = 0x66_62_72


Detail = Mapping[str, Any]


class AlreadyPublishing(RuntimeError):
    """A run of this very name is publishing somewhere."""


@dataclass(frozen=True)
class Run:
    """Who publishes. `at` is called at named points, so that a test can break things there.

    `uid`: the Odoo user who sends. Kept, since whoever ever sent may not be the one who posts.
    """

    by: str
    run_id: str
    at: Callable[[str], None]
    uid: int | None = None


@dataclass(frozen=True)
class Publication:
    """One row of the ledger, with its line keys in document order."""

    document_key: str
    service: str
    partner_id: int
    move_type: str
    currency: str
    state: str
    payload: dict[str, Any]
    payload_hash: str
    expected: Totals
    odoo_id: int | None
    attempts: int
    line_keys: tuple[str, ...]
    row: dict[str, Any] = field(default_factory=dict, hash=False, compare=False)

    @property
    def header(self) -> dict[str, str]:
        """The document's own cells of the payload, by column."""
        return dict(zip(self.payload["fields"], self.payload["rows"][0], strict=True))

    @property
    def line_cells(self) -> list[dict[str, str]]:
        """The line cells of the payload, by column without its prefix, in document order."""
        prefix = "invoice_line_ids/"
        return [
            {
                name.removeprefix(prefix): value
                for name, value in zip(self.payload["fields"], row, strict=True)
                if name.startswith(prefix)
            }
            for row in self.payload["rows"]
        ]


def hold_run(conn: Connection, run: Run) -> None:
    """Mark the run as alive for as long as this session lasts."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "select pg_try_advisory_lock(%s, hashtext(%s))", (RUN_LOCK_CLASS, run.run_id)
        )
        if not one(cursor):
            raise AlreadyPublishing(f"run {run.run_id} is publishing already: wait for it to end")


def lock_claims(cursor: Any) -> None:
    """Only one claim at a time, until the end of the transaction."""
    cursor.execute("select pg_advisory_xact_lock(%s)", (CLAIM_LOCK,))


def lock_decisions(cursor: Any) -> None:
    """No claim while a decision is written, so that each sees the other or comes after it."""
    cursor.execute("select pg_advisory_xact_lock_shared(%s)", (CLAIM_LOCK,))


def start_attempt(conn: Connection, keys: Sequence[str], run: Run) -> None:
    """Before a request leaves: whatever happens to it now, its outcome counts as unknown."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "update ops.publications set state = 'sent', attempts = attempts + 1, sent_at = now(),"
            " sent_uid = coalesce(%s, sent_uid)"
            " where document_key = any(%s) and state in ('claimed', 'sent')"
            " returning document_key, attempts",
            (run.uid, list(keys)),
        )
        details = {key: {"attempt": n, "batch": len(keys)} for key, n in cursor.fetchall()}
        record(cursor, "sending", details, run)


def note_outcome(
    conn: Connection, keys: Sequence[str], event: str, run: Run, detail: Detail
) -> None:
    """An outcome that leaves the state: unknown, unreachable, refused as part of a batch."""
    with conn, conn.cursor() as cursor:
        record(cursor, event, dict.fromkeys(keys, detail), run)


def confirm(
    conn: Connection,
    found: Mapping[str, Detail],
    line_ids: Mapping[str, Mapping[str, int]],
    run: Run,
) -> set[str]:
    """Odoo holds what was frozen: observed values, and line ids by line key, by document.

    The keys that are confirmed now; a key that another run has confirmed before is not among them.
    """
    if not found:
        return set()
    with conn, conn.cursor() as cursor:
        change = "state = 'confirmed', confirmed_at = now()"
        confirmed = observe(cursor, found, change, "publications.state = 'sent'")
        execute_values(
            cursor,
            "update ops.publication_lines as lines set odoo_line_id = given.odoo_line_id"
            " from (values %s) as given (document_key, line_key, odoo_line_id)"
            " where lines.document_key = given.document_key and lines.line_key = given.line_key",
            [(key, *pair) for key in confirmed for pair in line_ids[key].items()]
            or [(None, None, None)],
            template="(%s::text, %s::text, %s::bigint)",
            page_size=1000,
        )
        record(cursor, "confirmed", {key: found[key] for key in confirmed}, run)
        return confirmed


OBSERVED = {
    "odoo_id": "bigint",
    "odoo_name": "text",
    "odoo_state": "text",
    "odoo_payment_state": "text",
    "odoo_untaxed_amount": "numeric",
    "odoo_tax_amount": "numeric",
    "odoo_total_amount": "numeric",
    "odoo_write_date": "timestamptz",
}


def observe(
    cursor: Any, found: Mapping[str, Detail], change: str = "", condition: str = "true"
) -> set[str]:
    """Let the ledger follow what Odoo holds, by document key; the keys that met the condition."""
    if not found:
        return set()
    columns = ", ".join(f"{name} = given.{name}" for name in OBSERVED)
    rows = execute_values(
        cursor,
        f"update ops.publications as publications set last_read_at = now(), {columns}"
        f"{', ' + change if change else ''}"
        f" from (values %s) as given (document_key, {', '.join(OBSERVED)})"
        f" where publications.document_key = given.document_key and {condition}"
        " returning publications.document_key",
        [(key, *(values[name] for name in OBSERVED)) for key, values in found.items()],
        template=f"(%s::text, {', '.join(f'%s::{kind}' for kind in OBSERVED.values())})",
        fetch=True,
    )
    return {row[0] for row in rows}


def quarantine(conn: Connection, key: str, reason: str, detail: Detail, run: Run) -> bool:
    """Stop a document until a person has looked at it; `detail` has both documents side by side."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "update ops.publications set state = 'quarantined', note = %s,"
            " odoo_id = coalesce(%s, odoo_id)"
            " where document_key = %s and state in ('claimed', 'sent') returning 1",
            (reason, detail.get("odoo_id"), key),
        )
        if cursor.fetchone() is None:
            return False
        record(cursor, "quarantined", {key: {"reason": reason, **detail}}, run)
        return True


def read(conn: Connection, condition: str, values: Any = None) -> list[Publication]:
    """Publications that meet an SQL condition, oldest first."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "select p.*, array(select line_key from ops.publication_lines as l"
            " where l.document_key = p.document_key order by line_number) as line_keys,"
            " (select max(content ->> 'customer_name') from ops.publication_lines as l"
            " where l.document_key = p.document_key) as customer_name"
            f" from ops.publications as p where {condition} order by claimed_at, document_key",
            values,
        )
        return [_publication(row) for row in dicts(cursor)]


def _publication(row: dict[str, Any]) -> Publication:
    names = "document_key service partner_id move_type currency state payload payload_hash"
    return Publication(
        **{name: row[name] for name in f"{names} odoo_id attempts".split()},
        expected=Totals(row["expected_untaxed_amount"], row["expected_tax_amount"]),
        line_keys=tuple(row["line_keys"]),
        row=row,
    )


def take_over(conn: Connection, run: Run) -> list[Publication]:
    """Unfinished documents whose run is dead, now in this run's name."""
    with conn, conn.cursor() as cursor:
        lock_claims(cursor)
        cursor.execute(
            "select distinct run_id from ops.publications where state in ('claimed', 'sent')"
        )
        runs = [row[0] for row in cursor.fetchall()]
        dead = [name for name in runs if name == run.run_id or _is_dead(cursor, name)]
        cursor.execute(
            "update ops.publications set run_id = %s"
            " where state in ('claimed', 'sent') and coalesce(run_id, '') = any(%s)"
            " returning document_key, state",
            (run.run_id, [name or "" for name in dead]),
        )
        states = {key: {"state": state} for key, state in cursor.fetchall()}
        record(cursor, "taken_over", states, run)
    return read(conn, "document_key = any(%s)", (list(states),))


def _is_dead(cursor: Any, run_id: str | None) -> bool:
    """A run that lives holds its lock; a lock that can be had belongs to a run that has ended."""
    cursor.execute(
        "select pg_try_advisory_xact_lock(%s, hashtext(%s))", (RUN_LOCK_CLASS, run_id or "")
    )
    return bool(one(cursor))


def record(cursor: Any, event: str, details: Mapping[str, Detail], run: Run) -> None:
    """Append to ops.publication_events: one row for each document key, with its detail."""
    common = {"event": event, "run_id": run.run_id, "by": run.by}
    rows = [
        {"document_key": key, **common, "detail": dict(detail)} for key, detail in details.items()
    ]
    insert(cursor, "ops.publication_events", rows)


def insert(cursor: Any, table: str, rows: Sequence[Detail]) -> None:
    """Rows that have the same columns, as one JSON text: cheaper than quoting value by value."""
    if rows:
        columns = ", ".join(rows[0])
        cursor.execute(
            f"insert into {table} ({columns})"
            f" select {columns} from json_populate_recordset(null::{table}, %s)",
            (as_json(rows),),
        )


def as_json(rows: Sequence[Detail]) -> str:
    """Rows as one text: decimals and times as strings, exactly."""
    return json.dumps(rows, default=_text)


def one(cursor: Any) -> Any:
    row = cursor.fetchone()
    return row[0] if row else None


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value.isoformat() if isinstance(value, date) else value)
