"""The chains of hashes over what was decided and billed, and what does not fit them.

In: a session that reads `ops`, and heads that were kept elsewhere. Out: findings. The hashes are
computed by the statements of this module, not by functions that stand in the warehouse.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from publishers.migrations.versions.v0016_month_closings import CHAINED

PAGE = 10_000


@dataclass(frozen=True)
class Head:
    """The last link of a table's chain, as of a moment."""

    table: str
    number: int
    hash: str


@dataclass(frozen=True)
class Discrepancy:
    """Something that does not fit: `kind` for machines, `says` for people."""

    kind: str
    table: str
    row_key: str | None
    says: str

    def as_json(self) -> dict[str, Any]:
        """For an auditor's program."""
        return asdict(self)


class HeadsError(RuntimeError):
    """A file of heads that cannot be read, with its name and line."""


_LINKS = """
select number, row_key, row_hash, hash from ops.evidence where table_name = %s order by number
"""
# Both sides at once: a row that has no link, a link whose row is gone, a row that says otherwise.
_ROWS = """
with kept as (
    select
        concat_ws(' ', {key}) as row_key,
        encode(sha256(convert_to(
            jsonb_strip_nulls(to_jsonb(kept) - %(changeable)s::text[])::text, 'UTF8'
        )), 'hex') as row_hash
    from {table} as kept
),

links as (
    select row_key, min(row_hash) as row_hash, count(*) as link_count
    from ops.evidence
    where table_name = %(name)s
    group by row_key
)

select
    coalesce(kept.row_key, links.row_key),
    case
        when links.row_key is null then 'added'
        when kept.row_key is null then 'removed'
        when links.link_count > 1 then 'linked_twice'
        else 'changed'
    end
from kept
full join links using (row_key)
where links.row_key is null or kept.row_key is null or links.link_count > 1
    or kept.row_hash <> links.row_hash
order by 1
"""
_SAYS = {
    "added": "was written past the server's chain",
    "removed": "is gone",
    "linked_twice": "is in the chain twice",
    "changed": "is not what it was when it was written",
}


def heads(conn: Connection) -> list[Head]:
    """The last link of each chain that has one."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "select distinct on (table_name) table_name, number, hash from ops.evidence"
            " order by table_name, number desc"
        )
        return [Head(*row) for row in cursor.fetchall()]


def verify(conn: Connection, kept: Sequence[Head] = ()) -> list[Discrepancy]:
    """What does not fit, in rows, chains, and against heads that were kept elsewhere.

    One snapshot: what is decided meanwhile is not looked at.
    """
    findings: list[Discrepancy] = []
    with conn, conn.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read read only")
        cursor.execute("set local timezone = 'UTC'")
        for table, (key, changeable) in CHAINED.items():
            findings += _rows(cursor, table, key, changeable)
        wanted = {(head.table, head.number): head.hash for head in kept}
        for table in CHAINED:
            findings += _chain(conn, table, wanted)
    return findings


def _rows(cursor: Any, table: str, key: str, changeable: str) -> Iterator[Discrepancy]:
    columns = sql.SQL(", ").join(map(sql.Identifier, key.split(",")))
    statement = sql.SQL(_ROWS).format(key=columns, table=sql.Identifier("ops", table))
    left_out = changeable.split(",") if changeable else []
    cursor.execute(statement, {"name": table, "changeable": left_out})
    for row_key, kind in cursor.fetchall():
        yield Discrepancy(kind, table, row_key, f"ops.{table} {row_key} {_SAYS[kind]}")


def _chain(
    conn: Connection, table: str, wanted: Mapping[tuple[str, int], str]
) -> Iterator[Discrepancy]:
    """Each link against the one before it; a head that was kept against the link of its number."""
    before, last = None, 0
    with conn.cursor("evidence") as cursor:
        cursor.itersize = PAGE
        cursor.execute(_LINKS, (table,))
        for number, row_key, row_hash, stored in cursor:
            if number != last + 1:
                yield _broken(table, row_key, f"link {last + 1} of ops.{table} is missing")
            elif stored != _link(table, number, row_key, row_hash, before):
                yield _broken(table, row_key, f"link {number} of ops.{table} does not fit")
            head = wanted.get((table, number))
            if head not in (None, stored):
                yield _replaced(table, f"link {number} of ops.{table} was another one")
            before, last = stored, number
    for (name, number), _hash in wanted.items():
        if name == table and number > last:
            yield _replaced(table, f"ops.{table} had {number} links and has {last}")


def _link(table: str, number: int, row_key: str, row_hash: str, before: str | None) -> str:
    parts = (table, str(number), row_key, row_hash, before)
    return sha256("|".join(part for part in parts if part is not None).encode()).hexdigest()


def _broken(table: str, row_key: str, says: str) -> Discrepancy:
    return Discrepancy(
        "broken", table, row_key, f"{says}: links were moved, removed or written anew"
    )


def _replaced(table: str, says: str) -> Discrepancy:
    return Discrepancy("replaced", table, None, f"{says} when its head was kept")


def keep_heads(conn: Connection, path: Path) -> int:
    """Append the heads of now to a file: one line of JSON; how many chains it names."""
    found = heads(conn)
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "heads": {head.table: [head.number, head.hash] for head in found},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, sort_keys=True) + "\n")
    return len(found)


def kept_heads(lines: Iterable[str], name: str) -> list[Head]:
    """Every head of a file that `keep_heads` wrote.

    Raises HeadsError where a line is none of its own.
    """
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            entries = json.loads(line)["heads"].items()
            found += [Head(table, int(last), str(value)) for table, (last, value) in entries]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise HeadsError(f"{name}, line {number}: no heads of `billing audit`") from error
    return found
