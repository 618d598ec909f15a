"""The way back: a person releases a document that Odoo no longer holds.

In: a document key, a name, Odoo. Out: the document in state `released`, its lines free for document
n+1. Nothing is deleted, and nobody but a person gets here: nothing is published twice by itself.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from psycopg2.extensions import connection as Connection

from connections.odoo import OdooPort
from publishers import ledger
from publishers.identities import resolve
from publishers.ledger import Publication, Run

# A request whose answer never came may still be at work in Odoo for its whole time limit.
IN_FLIGHT = timedelta(minutes=15)


class ReleaseError(ValueError):
    """A document that cannot be released, with the reason."""


@dataclass(frozen=True)
class Released:
    """A document that was let go, and the line keys that are free again."""

    document_key: str
    line_keys: tuple[str, ...]


def release(
    conn: Connection, port: OdooPort, document_key: str, run: Run, note: str | None = None
) -> Released:
    """Release a quarantined document, or a confirmed one whose draft is gone or cancelled.

    `port` must see every move of the company. The lines keep their approvals, so the next run
    publishes them again: reject them first where that is not meant.
    Raises ReleaseError where Odoo still holds the document, or may be about to.
    """
    if not run.by.strip():
        raise ReleaseError("a release needs a name: say who releases")
    found = ledger.read(conn, "document_key = %s", (document_key,))
    if not found:
        raise ReleaseError(f"there is no document {document_key}")
    document = found[0]
    if document.state not in ("quarantined", "confirmed"):
        raise ReleaseError(f"{document_key} is {document.state}: only a run may end that")
    _refuse_in_flight(conn, document)
    proof = _proven_gone(port, document)
    with conn, conn.cursor() as cursor:
        ledger.lock_claims(cursor)
        run = replace(run, by=resolve(cursor, run.by))
        cursor.execute(
            "update ops.publications set state = 'released', released_at = now(),"
            " released_by = %s, note = coalesce(%s, note)"
            " where document_key = %s and state = %s returning 1",
            (run.by, note, document_key, document.state),
        )
        if cursor.fetchone() is None:
            raise ReleaseError(f"{document_key} has changed meanwhile: look again")
        cursor.execute(
            "update ops.publication_lines set released_at = now()"
            " where document_key = %s and released_at is null",
            (document_key,),
        )
        ledger.record(cursor, "released", {document_key: {"proof": proof, "note": note}}, run)
    return Released(document_key, document.line_keys)


def _refuse_in_flight(conn: Connection, document: Publication) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "select max(at) filter (where event = 'outcome_unknown') + %s > now()"
            " from ops.publication_events where document_key = %s",
            (IN_FLIGHT, document.document_key),
        )
        if ledger.one(cursor):
            raise ReleaseError(
                f"a request for {document.document_key} went unanswered less than {IN_FLIGHT} ago"
                " and may still be at work: wait, then look again"
            )


def _proven_gone(port: OdooPort, document: Publication) -> list[dict[str, Any]]:
    """What Odoo still has under this document's id, reference or origin: cancelled moves only."""
    header = document.header
    domain = [
        "|",
        "|",
        ("id", "=", document.odoo_id or 0),
        ("ref", "=", header["ref"]),
        ("invoice_origin", "=", header["invoice_origin"]),
    ]
    found = port.search_read("account.move", domain, ["ref", "state", "name"])
    alive = [move for move in found if move["state"] != "cancel"]
    if alive:
        move = alive[0]
        raise ReleaseError(
            f"Odoo holds {document.document_key} as move {move['id']}, {move['state']}:"
            " cancel or delete it there first"
        )
    return [{"odoo_id": move["id"], "state": move["state"]} for move in found]
