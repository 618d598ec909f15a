"""A person settles a conflict: ours counts, or Odoo's does.

In: an import key, and which side. Out: the ledger's row, changed, with the person on record. `ours`
lets the next import write our value over Odoo's (or create again what was deleted there); `theirs`
leaves Odoo's, until we want yet another value.
"""

from typing import Literal
from uuid import uuid4

from psycopg2.extensions import connection as Connection

from connections.postgres import warehouse
from connections.settings import Settings
from publishers.importer import ledger
from publishers.importer.guard import ShadowPort
from publishers.importer.judging import WHOLE, KnownRecord, Proposal
from publishers.importer.ledger import Event, ImportRefused, ImportRun
from publishers.importer.running import Look, look
from publishers.ports import Ports

Side = Literal["ours", "theirs"]


def take(settings: Settings, import_key: str, side: Side, *, by: str, why: str) -> Proposal:
    """Settle the conflict of one record; what the next import proposes for it.

    Raises ImportRefused where there is none, or where another remedy is named with it.
    """
    if not why.strip():
        raise ImportRefused("say why: --why")
    with warehouse(settings) as conn, Ports(settings.as_importer()).one() as odoo:
        name, port = ledger.person(conn, by), ShadowPort(odoo)
        found = look(conn, port, settings)
        ledger.note_proposals(conn, found.proposals)
        conflict = _conflict(found, import_key)
        _settle(conn, conflict, side, ImportRun(uuid4().hex, name), why)
        again = look(conn, port, settings)
        ledger.note_proposals(conn, again.proposals)
    return next(p for p in again.proposals if p.record.import_key == import_key)


def _conflict(found: Look, import_key: str) -> Proposal:
    """The conflict that this key is about, if it is of a kind that can be settled here."""
    conflict = next((p for p in found.proposals if p.record.import_key == import_key), None)
    if conflict is None:
        raise ImportRefused(f"no record is called {import_key}: `billing import --json` lists them")
    if conflict.action != "conflict":
        raise ImportRefused(f"{import_key} is in no conflict: {conflict.action}")
    was_deleted = conflict.holding is None and found.known.get(import_key, KnownRecord()).was_there
    if not (conflict.disputed or was_deleted):
        raise ImportRefused(f"{import_key} cannot be settled here: {conflict.reason}")
    return conflict


def _settle(conn: Connection, conflict: Proposal, side: Side, run: ImportRun, why: str) -> None:
    record, disputed = conflict.record, conflict.disputed
    theirs = {name: conflict.kept[name]["theirs"] for name in disputed}
    ours = {name: conflict.kept[name]["ours"] for name in disputed}
    declined = (ours or {WHOLE: None}) if side == "theirs" else {}
    # What was deleted and is ours again is forgotten, so that it is created once more.
    written = theirs if disputed or side == "theirs" else None
    changes = {name: dict(conflict.kept[name]) for name in disputed}
    odoo_id = conflict.holding.odoo_id if conflict.holding else None
    event = Event(
        record.import_key, record.kind.name, record.title, odoo_id, f"taken_{side}", changes, why
    )
    ledger.decide(conn, record.import_key, written, declined, event, run)
