"""Documents that a person released as gone: are they still gone?

In: released documents and what Odoo holds under their id or reference. Out: for each that is back
an alarm, and in the ledger a finding that holds the service time of its lines. They are read for
ever: a cancelled draft can be reset and posted at any time.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from psycopg2.extensions import connection as Connection

from connections.odoo import OdooPort
from publishers import ledger
from publishers.billed import BACK
from publishers.ledger import Run

PAGE = 500


class Released(NamedTuple):
    """A released document, as of the last look."""

    document_key: str
    odoo_id: int | None
    finding: str | None


def look(
    conn: Connection, port: OdooPort, run: Run, *, is_dry: bool = False
) -> list[dict[str, Any]]:
    """The alarms of released documents that Odoo holds again; written down unless `is_dry`."""
    documents = _released(conn)
    found = _alive(port, documents)
    alarms = [
        {
            "key": document.document_key,
            "odoo_id": found[document.document_key]["id"],
            "is_new": document.finding != BACK,
            "finding": BACK,
            "says": _in_words(found[document.document_key]),
        }
        for document in documents
        if document.document_key in found
    ]
    if not is_dry:
        _write(conn, documents, found, run)
    return alarms


def _released(conn: Connection) -> list[Released]:
    with conn, conn.cursor() as cursor:
        cursor.execute(
            f"select {', '.join(Released._fields)} from ops.publications"
            " where state = 'released' order by claimed_at, document_key"
        )
        return [Released(*row) for row in cursor.fetchall()]


def _alive(port: OdooPort, documents: Sequence[Released]) -> dict[str, dict[str, Any]]:
    """By document key what Odoo holds and has not cancelled, by id, else by reference."""
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(documents), PAGE):
        page = documents[start : start + PAGE]
        by_id = {document.odoo_id: document.document_key for document in page if document.odoo_id}
        keys = [document.document_key for document in page]
        domain = ["|", ("id", "in", list(by_id)), ("ref", "in", keys), ("state", "!=", "cancel")]
        for move in port.search_read("account.move", domain, ["ref", "state", "name"], order="id"):
            found[by_id.get(move["id"]) or move["ref"]] = move
    return found


def _in_words(move: Mapping[str, Any]) -> str:
    return (
        f"it was released as gone, and Odoo holds it again, {move['state']}: cancel it there;"
        " nothing of its service time is published until then"
    )


def _write(
    conn: Connection, documents: Sequence[Released], found: Mapping[str, Any], run: Run
) -> None:
    """Set and clear the finding; each change of it is an event."""
    news: dict[str, dict[str, Any]] = {}
    with conn, conn.cursor() as cursor:
        # A claim under way sees the finding, or is over before it.
        ledger.lock_claims(cursor)
        for document in documents:
            move = found.get(document.document_key)
            if (move is not None) == (document.finding == BACK):
                continue
            news[document.document_key] = {"finding": BACK if move else None, "move": move}
            cursor.execute(
                "update ops.publications set finding = %s, odoo_state = coalesce(%s, 'cancel'),"
                " odoo_id = coalesce(%s, odoo_id), last_read_at = now() where document_key = %s",
                (BACK if move else None, *_of(move), document.document_key),
            )
        ledger.record(cursor, "finding", news, run)


def _of(move: Mapping[str, Any] | None) -> tuple[Any, Any]:
    return (move["state"], move["id"]) if move else (None, None)
