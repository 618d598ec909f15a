"""People say yes or no to a line, at its content hash; what changes afterwards must be said again.

In: lines of `marts.fct_invoice_lines` (and credits that were asked for), a name, a note. Out: rows
of `ops.line_approvals`, append-only, to which the server adds who, when and the whole line as it
is at that hash; and what changed since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor, execute_values

from publishers import credits
from publishers.identities import look_from, speak_for
from publishers.ledger import lock_decisions
from publishers.lines import Filters, plain

Decision = Literal["approve", "reject", "revoke"]
# One note for all lines, or one by line key.
Note = str | Mapping[str, str] | None
# First half of the lock on a line's decisions; the second is the hash of its key.
DECISION_LOCK_CLASS = 0x66_62_64
MAX_ID = 2**63 - 1
# What the content hash covers, and so what a person may find changed.
HASHED = (
    "partner_id",
    "currency",
    "product_id",
    "description",
    "quantity",
    "unit_price",
    "amount",
    "service_start_on",
    "service_end_on",
    "tax_ids",
)


class ApprovalError(ValueError):
    """A decision that cannot be written down, and how to fix it."""


@dataclass(frozen=True)
class Seen:
    """What somebody had before their eyes: the last decision (approval_id, 0: none) of each line.

    A line that somebody else has decided about since is refused with the reason; without a Seen the
    hash alone binds.
    """

    latest: Mapping[str, int] | None = field(hash=False)
    schema: str = "marts"


@dataclass(frozen=True)
class ProposedLine:
    """A line that may be decided about, with all its columns in `content`, ready for JSON."""

    line_key: str
    content_hash: str
    amount: Decimal
    currency: str
    content: Mapping[str, Any] = field(hash=False)


@dataclass
class Decisions:
    """What was written, what said the same already, and what could not be decided any more."""

    written: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A line that was approved and then changed: {column: (approved value, value now)}."""

    line_key: str
    approved_by: str
    values: Mapping[str, tuple[Any, Any]] = field(hash=False)


def select_lines(conn: Connection, filters: Filters, schema: str = "marts") -> list[ProposedLine]:
    """Lines that the filters mean, as the warehouse proposes them now, and credits asked for."""
    condition, values = filters.condition()
    query = sql.SQL("select * from {}.fct_invoice_lines where " + condition).format(
        sql.Identifier(schema)
    )
    with conn.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(query + sql.SQL(" order by line_key"), values)
        rows = [*cursor.fetchall(), *credits.rows(conn, filters)]
    return [proposed(row) for row in rows]


def proposed(row: Mapping[str, Any]) -> ProposedLine:
    """A line of the marts as something to decide about."""
    return ProposedLine(
        line_key=row["line_key"],
        content_hash=row["content_hash"],
        amount=row["amount"],
        currency=row["currency"],
        content={name: plain(value) for name, value in row.items()},
    )


def approve(
    conn: Connection,
    lines: Sequence[ProposedLine],
    *,
    by: str,
    note: Note = None,
    policy_version: str | None = None,
    seen: Seen | None = None,
    schema: str = "marts",
) -> Decisions:
    """Approve lines at the hash at which they were shown; see `Seen` for two people at once.

    A transaction of its own, like `reject` and `revoke`: claims wait while it lasts.
    """
    return _decide(conn, lines, "approve", by, note, policy_version, seen or Seen(None, schema))


def reject(
    conn: Connection,
    lines: Sequence[ProposedLine],
    *,
    by: str,
    note: str | None = None,
    seen: Seen | None = None,
    schema: str = "marts",
) -> Decisions:
    """Refuse lines; approvals given before no longer count, whatever the line said then."""
    return _decide(conn, lines, "reject", by, note, None, seen or Seen(None, schema))


def revoke(
    conn: Connection,
    lines: Sequence[ProposedLine],
    *,
    by: str,
    note: str | None = None,
    schema: str = "marts",
) -> Decisions:
    """Take approvals back, as long as the line is in no document."""
    return _decide(conn, lines, "revoke", by, note, None, Seen(None, schema))


def _decide(
    conn: Connection,
    lines: Sequence[ProposedLine],
    decision: Decision,
    by: str,
    note: Note,
    policy_version: str | None,
    seen: Seen,
) -> Decisions:
    if not by.strip():
        raise ApprovalError("a decision needs a name: say who decides")
    result = Decisions()
    with conn, conn.cursor() as cursor:
        # Waits for a claim that is under way, so that a revocation never comes too late unseen.
        lock_decisions(cursor)
        author = by if policy_version else speak_for(cursor, by)
        look_from(cursor, seen.schema)
        keys = [line.line_key for line in lines]
        _lock_lines(cursor, keys)
        taken, standing = _in_documents(cursor, keys), _standing(cursor, keys, author)
        overtaken = _overtaken(cursor, lines, seen)
        rows = []
        for line in lines:
            if line.line_key in taken:
                result.refused[line.line_key] = _taken_reason(taken[line.line_key])
            elif standing.get((line.line_key, line.content_hash)) == decision:
                result.unchanged.append(line.line_key)
            elif line.line_key in overtaken:
                result.refused[line.line_key] = overtaken[line.line_key]
            else:
                why = note.get(line.line_key) if isinstance(note, Mapping) else note
                rows.append((line.line_key, line.content_hash, decision, why, policy_version))
                result.written.append(line.line_key)
        _insert(cursor, rows)
    return result


def _lock_lines(cursor: Any, keys: Sequence[str]) -> None:
    """One decision about a line at a time, in one order, so that each sees the one before it."""
    cursor.execute(
        "select pg_advisory_xact_lock(%s, hashtext(line_key))"
        " from (select unnest(%s::text[]) as line_key order by 1) as lines",
        (DECISION_LOCK_CLASS, list(keys)),
    )


def _overtaken(cursor: Any, lines: Sequence[ProposedLine], seen: Seen) -> dict[str, str]:
    """Lines that are not what was seen any more; the locks are held until the decision is in."""
    query = sql.SQL(
        "select shown.line_key, proposed.line_key is null and credit_lines.line_key is null,"
        " latest.decided_by, latest.decision from unnest(%(keys)s::text[], %(hashes)s::text[],"
        "   %(seen)s::bigint[]) as shown (line_key, content_hash, seen_id)"
        " left join {}.fct_invoice_lines as proposed using (line_key, content_hash)"
        " left join ops.credit_lines using (line_key, content_hash)"
        " left join lateral (select decided_by, decision from ops.line_approvals as decided"
        "   where decided.line_key = shown.line_key and approval_id > seen_id"
        "   order by approval_id desc limit 1) as latest on true"
    ).format(sql.Identifier(seen.schema))
    ids = [MAX_ID if seen.latest is None else seen.latest.get(n.line_key, 0) for n in lines]
    values = {
        "keys": [line.line_key for line in lines],
        "hashes": [line.content_hash for line in lines],
        "seen": ids,
    }
    cursor.execute(query, values)
    found = {}
    for key, is_changed, by, decision in cursor.fetchall():
        if by is not None:
            found[key] = f"{by} said {decision} in the meantime: look again"
        elif is_changed:
            found[key] = "the line has changed since it was shown: look again"
    return found


def _in_documents(cursor: Any, keys: Sequence[str]) -> dict[str, str]:
    cursor.execute(
        "select line_key, document_key from ops.publication_lines"
        " where released_at is null and line_key = any(%s)",
        (list(keys),),
    )
    return dict(cursor.fetchall())


def _taken_reason(document_key: str) -> str:
    return (
        f"already in document {document_key}: cancel or delete the draft in Odoo and release it,"
        " or ask for a credit"
    )


def _standing(cursor: Any, keys: Sequence[str], by: str) -> dict[tuple[str, str], str]:
    """What this author's word on each line and hash is, as far as it still counts."""
    cursor.execute(
        "select distinct on (line_key, content_hash) line_key, content_hash, decision"
        " from ops.line_approvals as mine where line_key = any(%(keys)s)"
        " and (decision <> 'approve' or ops.plain_name(decided_by) = ops.plain_name(%(by)s))"
        " and not exists (select from ops.line_approvals as later where decision = 'reject'"
        "   and later.line_key = mine.line_key and later.approval_id > mine.approval_id)"
        " order by line_key, content_hash, approval_id desc",
        {"keys": list(keys), "by": by},
    )
    return {(key, content_hash): decision for key, content_hash, decision in cursor.fetchall()}


def _insert(cursor: Any, rows: Sequence[tuple[Any, ...]]) -> None:
    """Only what is decided: the columns that a role may name differ by who it is."""
    if not rows:
        return
    by_policy = rows[0][-1] is not None
    columns = "line_key, content_hash, decision, note" + (", policy_version" if by_policy else "")
    values = [row if by_policy else row[:-1] for row in rows]
    execute_values(cursor, f"insert into ops.line_approvals ({columns}) values %s", values)


def changes_since_approval(
    conn: Connection, filters: Filters | None = None, schema: str = "marts"
) -> list[Change]:
    """Approved lines whose content is another now, old and new values side by side."""
    now = {line.line_key: line for line in select_lines(conn, filters or Filters(), schema)}
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "select distinct on (line_key) line_key, content_hash, decided_by, content"
            " from ops.line_approvals where decision = 'approve' and line_key = any(%s)"
            " order by line_key, approval_id desc",
            (list(now),),
        )
        approved = cursor.fetchall()
    return [
        Change(key, by, _differing(content or {}, now[key].content))
        for key, content_hash, by, content in approved
        if content_hash != now[key].content_hash
    ]


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        name: (old.get(name), new.get(name)) for name in HASHED if old.get(name) != new.get(name)
    }
