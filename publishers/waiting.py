"""What a publishing run would take up at this moment: the question that starts one.

In: a warehouse session. Out: what is waiting, as one text that changes when any of it does.
"""

import hashlib

from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from connections.builds import serving_of
from publishers import credits, policies
from publishers.lines import Filters


def waiting(conn: Connection, marts: str = "marts") -> str | None:
    """A fingerprint of what may be published, approved by policy, or finished; None: nothing.

    Reads what a run reads, so that a rejection starts none and a failed run is repeated.
    """
    if not _is_built(conn, marts):
        return None
    lines = [
        f"{line.line_key} {line.content_hash}" for line in credits.publishable(conn, Filters())
    ]
    lines += [f"{line.line_key} {line.content_hash}" for line in policies.candidates(conn, marts)]
    with conn.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "select line_key || ' ' || content_hash from {}.invoice_lines_to_publish"
                " union all select document_key || ' ' || state from ops.publications"
                " where state in ('claimed', 'sent')"
            ).format(sql.Identifier(serving_of(marts)))
        )
        lines += [text for (text,) in cursor.fetchall()]
    if not lines:
        return None
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]


def _is_built(conn: Connection, marts: str) -> bool:
    with conn.cursor() as cursor:
        published = f"{serving_of(marts)}.invoice_lines_to_publish"
        cursor.execute("select to_regclass(%s) is not null", (published,))
        return bool(cursor.fetchall()[0][0])
