"""What the warehouse proposes, as it is read from `serving.odoo_import_proposals`.

In: a warehouse session. Out: records with the values that Odoo should hold, all of them text, and
the external id under which each is known there.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql
from psycopg2.errors import InvalidSchemaName, UndefinedColumn, UndefinedTable
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from connections.builds import serving_of
from publishers.importer.kinds import BY_NAME, EXTERNAL_ID_MODULE, Kind

# A field's value as text; None where it is empty.
Values = Mapping[str, str | None]

_SELECT = """
    select import_key, kind, title, wanted, known_odoo_id, currency, skip_reason, problem
    from {}.odoo_import_proposals
    where %(per_deployment)s or not is_extra_deployment
    order by import_key
"""


class NothingProposed(RuntimeError):
    """The warehouse is not built yet; the message says how."""


@dataclass(frozen=True)
class Record:
    """One record that Odoo should hold. References in `wanted` are import keys."""

    import_key: str
    kind: Kind
    title: str
    wanted: Values
    known_odoo_id: int | None = None
    currency: str | None = None
    skip_reason: str | None = None
    problem: str | None = None

    @property
    def external_id(self) -> str:
        """The name in Odoo. One that does not read back as its key is told apart by a hash: two
        keys with one name would be one record there.
        """
        plain = re.sub(r"[^A-Za-z0-9_-]", "-", self.import_key)
        if plain.replace("-", ":") != self.import_key:
            plain += "-" + hashlib.sha256(self.import_key.encode()).hexdigest()[:8]
        return f"{EXTERNAL_ID_MODULE}.{plain}"

    def references(self) -> set[str]:
        """The import keys that must be in Odoo first."""
        keys = (self.wanted.get(f.name) for f in self.kind.fields if f.type == "reference")
        return {key for key in keys if key}


def read_records(conn: Connection, marts: str, *, per_deployment: bool) -> list[Record]:
    """Everything that is proposed, in the order of the kinds. Raises NothingProposed."""
    statement = sql.SQL(_SELECT).format(sql.Identifier(serving_of(marts)))
    with conn, conn.cursor(cursor_factory=RealDictCursor) as cursor:
        try:
            cursor.execute(statement, {"per_deployment": per_deployment})
        except (UndefinedTable, InvalidSchemaName, UndefinedColumn) as error:
            missing = str(error).splitlines()[0]
            raise NothingProposed(
                f"the warehouse is not built ({missing}): run `billing run`"
            ) from None
        records = [_record(row) for row in cursor.fetchall()]
    order = list(BY_NAME)
    return sorted(records, key=lambda record: order.index(record.kind.name))


def _record(row: Mapping[str, Any]) -> Record:
    kind = BY_NAME[row["kind"]]
    wanted = {spec.name: _text(row["wanted"].get(spec.name)) for spec in kind.fields}
    plain = {name: row[name] for name in ("import_key", "title", "known_odoo_id", "currency")}
    return Record(
        kind=kind, wanted=wanted, skip_reason=row["skip_reason"], problem=row["problem"], **plain
    )


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "1" if value else "0"
    return None if value is None or value == "" else str(value)
