"""Afterwards: is what was published still what it was?

In: published documents and what Odoo holds of them now. Out: ops.publications follows Odoo's state,
and every change is a finding in ops.publication_events. Nothing is published again or changed here.
Odoo's rights cannot keep a user who may create from posting too, so this look is the control. It
sees who wrote last, not who posted: whoever writes between a posting and the look hides it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from psycopg2.extensions import connection as Connection

from connections.odoo import OdooPort
from publishers import ledger, released
from publishers.ledger import Publication, Run
from publishers.readback import Move, differences, in_words, read_moves

ALARMS = ("posted_by_bot", "edited", "cancelled", "deleted")
PAGE = 2000
# Odoo shows write dates in whole seconds and stamps the start of a transaction, which may last for
# its time limit (120 s): a write of the same second may come to light so much later.
SETTLED_AFTER = timedelta(minutes=3)


@dataclass
class Seen:
    """How many published documents are as they were, and what a person must look at."""

    unchanged: int = 0
    alarms: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Finding:
    """What is noticed about one document; `name` None means: a draft as it was sent."""

    name: str | None
    detail: Mapping[str, Any] = field(default_factory=dict)


def control(
    conn: Connection,
    port: OdooPort,
    run: Run,
    *,
    settled: Collection[str] = (),
    is_dry: bool = False,
) -> Seen:
    """Re-read every confirmed document, and every released one.

    `port` is a user who sees posted invoices too. Documents that this very run confirmed
    (`settled`) are no unchanged ones. With `is_dry` nothing is written down.
    """
    published = _published(conn)
    bots = _publishing_users(conn) | {run.uid}
    ids = [document.odoo_id for document in published]
    glances = _glances(port, ids)
    touched = [d for d in published if d.odoo_id in glances and _is_touched(d, glances)]
    moves = read_moves(port, [document.odoo_id for document in touched])
    frozen = _frozen(conn, touched)
    credits = _credit_notes(port, ids)
    known = _known_differences(conn)
    seen = Seen()
    news: dict[str, Finding] = {}
    for document in published:
        move = moves.get(document.odoo_id)
        wrong = differences(frozen[document.document_key], move) if move else []
        finding = _finding(document, glances, wrong, credits, bots)
        is_new = _is_new(document, finding, known)
        if is_new:
            news[document.document_key] = finding
        if finding.name in ALARMS:
            alarm = {"key": document.document_key, "odoo_id": document.odoo_id, "is_new": is_new}
            says = _in_words(finding)
            seen.alarms.append({**alarm, "finding": finding.name, "says": says, **finding.detail})
        else:
            seen.unchanged += document.document_key not in settled
    if not is_dry:
        _write(conn, _observed(touched, moves), news, run)
    seen.alarms += released.look(conn, port, run, is_dry=is_dry)
    return seen


class Published(NamedTuple):
    """A confirmed document, as of the last look."""

    document_key: str
    odoo_id: int
    finding: str | None
    odoo_write_date: datetime | None
    last_read_at: datetime | None
    is_acknowledged: bool


# A person acknowledges the exception that a finding is: exception_key as the models hash it.
_PUBLISHED = """
select
    document_key, odoo_id, finding, odoo_write_date, last_read_at,
    finding = 'posted_by_bot' and exists (
        select from ops.exception_acknowledgements as acknowledged
        where acknowledged.exception_key = left(encode(sha256(convert_to(
                'publication_alarm|' || service || '|' || document_key, 'UTF8'
            )), 'hex'), 32)
            and acknowledged.acknowledged_at > (
                select max(at) from ops.publication_events as events
                where events.document_key = publications.document_key and event = 'finding'
            )
    )
from ops.publications
where state = 'confirmed'
order by claimed_at, document_key
"""


def _published(conn: Connection) -> list[Published]:
    with conn, conn.cursor() as cursor:
        cursor.execute(_PUBLISHED)
        return [Published(*row) for row in cursor.fetchall()]


def _publishing_users(conn: Connection) -> set[int | None]:
    """Everybody who ever sent a document, by the id of the user in Odoo."""
    with conn, conn.cursor() as cursor:
        cursor.execute("select distinct sent_uid from ops.publications where sent_uid is not null")
        return {row[0] for row in cursor.fetchall()}


def _frozen(conn: Connection, touched: Sequence[Published]) -> dict[str, Publication]:
    keys = [document.document_key for document in touched]
    found = ledger.read(conn, "document_key = any(%s)", (keys,))
    return {document.document_key: document for document in found}


def _observed(
    touched: Sequence[Published], moves: Mapping[int, Move]
) -> dict[str, Mapping[str, Any]]:
    """What is written down: values that changed, and that a look has settled what was unsettled."""
    return {d.document_key: moves[d.odoo_id].observed for d in touched if d.odoo_id in moves}


def _known_differences(conn: Connection) -> dict[str, Any]:
    with conn, conn.cursor() as cursor:
        cursor.execute("select document_key, detail -> 'differences' from ops.publication_findings")
        return dict(cursor.fetchall())


def _is_new(document: Published, finding: Finding, known: Mapping[str, Any]) -> bool:
    """Another finding than before, or the same with other values: edited once more."""
    if finding.name != document.finding:
        return True
    return finding.name == "edited" and (
        finding.detail["differences"] != known.get(document.document_key)
    )


def _glances(port: OdooPort, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """State and write date of each document that still exists; cheap, so all of them are read."""
    fields = ["state", "payment_state", "create_uid", "write_uid", "write_date"]
    found: dict[int, dict[str, Any]] = {}
    for start in range(0, len(ids), PAGE):
        domain = [("id", "in", list(ids[start : start + PAGE]))]
        found |= {row["id"]: row for row in port.search_read("account.move", domain, fields)}
    return found


def _is_touched(document: Published, glances: Mapping[int, Mapping[str, Any]]) -> bool:
    """Written since the last look, or so near to it that the second could hide a later write."""
    written = _time(glances[document.odoo_id]["write_date"])
    looked = document.last_read_at
    if document.finding == "edited" or written != document.odoo_write_date:
        return True
    return looked is None or looked - written < SETTLED_AFTER


def _credit_notes(port: OdooPort, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Posted credit notes by the document that they reverse."""
    credits: dict[int, list[dict[str, Any]]] = {}
    for start in range(0, len(ids), PAGE):
        domain = [
            ("reversed_entry_id", "in", list(ids[start : start + PAGE])),
            ("state", "=", "posted"),
        ]
        for row in port.search_read(
            "account.move", domain, ["name", "reversed_entry_id", "amount_total"], order="id"
        ):
            note = {"odoo_id": row["id"], "name": row["name"], "total": str(row["amount_total"])}
            credits.setdefault(row["reversed_entry_id"][0], []).append(note)
    return credits


def _finding(
    document: Published,
    glances: Mapping[int, Mapping[str, Any]],
    wrong: Sequence[Mapping[str, Any]],
    credits: Mapping[int, list[dict[str, Any]]],
    bots: Collection[int | None],
) -> Finding:
    glance = glances.get(document.odoo_id)
    if glance is None:
        return Finding("deleted")
    by = {"write_uid": glance["write_uid"]}
    if glance["state"] == "cancel":
        return Finding("cancelled", by)
    is_standing = document.finding == "posted_by_bot" and not document.is_acknowledged
    if glance["state"] == "posted" and (is_standing or glance["write_uid"][0] in bots):
        # A payment writes to the invoice too: who posted it does not change by that.
        return Finding("posted_by_bot", by)
    if wrong:
        return Finding("edited", {"differences": wrong, **by})
    if document.odoo_id in credits:
        return Finding("credited", {"credit_notes": credits[document.odoo_id]})
    return Finding("posted", by) if glance["state"] == "posted" else Finding(None)


def _in_words(finding: Finding) -> str:
    """What happened, who did it, and how to fix it."""
    who = finding.detail["write_uid"][1] if "write_uid" in finding.detail else "somebody"
    if finding.name == "deleted":
        return "its draft was deleted in Odoo: `billing release` lets its lines be published again"
    if finding.name == "cancelled":
        return f"{who} cancelled it: `billing release` lets its lines be published again"
    if finding.name == "posted_by_bot":
        return (
            "the integration user posted it: find out who used its key, rotate it, and acknowledge"
            f" the alarm (last written by {who})"
        )
    changed = in_words(finding.detail["differences"])
    return f"changed, last by {who}: {changed}; agree, or cancel the draft and release the document"


def _write(
    conn: Connection,
    observed: Mapping[str, Mapping[str, Any]],
    news: Mapping[str, Finding],
    run: Run,
) -> None:
    """Follow Odoo's values; a new finding, and only a new one, becomes an event."""
    with conn, conn.cursor() as cursor:
        ledger.observe(cursor, observed)
        for key, finding in news.items():
            cursor.execute(
                "update ops.publications set finding = %s, odoo_state = case when %s = 'deleted'"
                " then 'deleted' else odoo_state end where document_key = %s",
                (finding.name, finding.name, key),
            )
        details = {key: {"finding": each.name, **each.detail} for key, each in news.items()}
        ledger.record(cursor, "finding", details, run)


def _time(value: str) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=UTC)
