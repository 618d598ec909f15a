"""Afterwards: is what was published still what it was?

In: confirmed documents and what Odoo holds of them now. Out: ops.publications follows Odoo's state,
and every change is a finding in ops.publication_events. Nothing is published again or mended here.
Odoo's rights cannot keep a user who may create from posting too, so this look is the control.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg2.extensions import connection as Connection

from connections.odoo import OdooPort
from publishers import ledger
from publishers.ledger import Publication, Run
from publishers.readback import Move, differences, read_moves

ALARMS = ("posted_by_bot", "edited", "cancelled", "deleted")
PAGE = 2000
# Odoo shows write dates in whole seconds and stamps the start of a transaction.
SETTLED_AFTER = timedelta(minutes=10)


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


def control(conn: Connection, port: OdooPort, bot_uid: int, run: Run) -> Seen:
    """Re-read every confirmed document; `port` is a user who sees posted invoices too."""
    published = ledger.read(conn, "state = 'confirmed'")
    ids = [document.odoo_id for document in published if document.odoo_id]
    glances = _glances(port, ids)
    touched = [d for d in published if d.odoo_id in glances and _is_touched(d, glances)]
    moves = read_moves(port, [document.odoo_id for document in touched if document.odoo_id])
    credits = _credit_notes(port, ids)
    known = _known_differences(conn)
    seen = Seen()
    news: dict[str, Finding] = {}
    for document in published:
        finding = _finding(document, glances, moves, credits, bot_uid)
        is_new = _is_new(document, finding, known)
        if is_new:
            news[document.document_key] = finding
        if finding.name in ALARMS:
            alarm = {"key": document.document_key, "odoo_id": document.odoo_id, "is_new": is_new}
            seen.alarms.append({**alarm, "finding": finding.name, **finding.detail})
        else:
            seen.unchanged += 1
    by_id = {document.odoo_id: document.document_key for document in published}
    _write(conn, {by_id[i]: move.observed for i, move in moves.items()}, news, run)
    return seen


def _known_differences(conn: Connection) -> dict[str, Any]:
    with conn, conn.cursor() as cursor:
        cursor.execute("select document_key, detail -> 'differences' from ops.publication_findings")
        return dict(cursor.fetchall())


def _is_new(document: Publication, finding: Finding, known: Mapping[str, Any]) -> bool:
    """Another finding than before, or the same with other values: edited once more."""
    if finding.name != document.row["finding"]:
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


def _is_touched(document: Publication, glances: Mapping[int, Mapping[str, Any]]) -> bool:
    """Written since the last look, or so near to it that the second could hide a later write."""
    written = _time(glances[document.odoo_id or 0]["write_date"])
    before, looked = document.row["odoo_write_date"], document.row["last_read_at"]
    if document.row["finding"] == "edited" or before is None or written != before:
        return True
    return bool(looked is None or looked - written < SETTLED_AFTER)


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
    document: Publication,
    glances: Mapping[int, Mapping[str, Any]],
    moves: Mapping[int, Move],
    credits: Mapping[int, list[dict[str, Any]]],
    bot_uid: int,
) -> Finding:
    odoo_id = document.odoo_id or 0
    glance, move = glances.get(odoo_id), moves.get(odoo_id)
    if glance is None:
        return Finding("deleted")
    if glance["state"] == "cancel":
        return Finding("cancelled", {"write_uid": glance["write_uid"]})
    if glance["state"] == "posted" and glance["write_uid"][0] == bot_uid:
        return Finding("posted_by_bot", {"write_uid": glance["write_uid"]})
    wrong = differences(document, move) if move else []
    if wrong:
        return Finding("edited", {"differences": wrong, "write_uid": glance["write_uid"]})
    if odoo_id in credits:
        return Finding("credited", {"credit_notes": credits[odoo_id]})
    if glance["state"] == "posted":
        return Finding("posted", {"write_uid": glance["write_uid"]})
    return Finding(None)


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
