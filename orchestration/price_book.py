"""A proposed price book, or discounts, in the place of those in git under a prefix of its own.

Flows in: CSV files with the columns of the seeds charges, charge_tiers and discounts, judged
before. Flows out: the prefixed seed tables hold them instead.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from psycopg2 import sql
from psycopg2.extensions import connection

from connections.settings import Settings
from orchestration.seeds import judge
from orchestration.seeds.files import SeedFile
from orchestration.seeds.known import Known
from orchestration.seeds.tables import CHARGES, DISCOUNTS, TIERS


def check(files: Mapping[str, Path], known: Known | None = None) -> None:
    """Raise CommandError where the proposed files, or the seeds beside them, cannot be rated by."""
    judge.refuse(known or Known(), files)


def replace(conn: connection, settings: Settings, files: Mapping[str, Path]) -> None:
    """Put the files' rows in the place of the seeds'; a book without a file of tiers has none."""
    with conn.cursor() as cursor:
        book = {CHARGES, TIERS} if CHARGES in files else set()
        for table in sorted(book | ({DISCOUNTS} & files.keys())):
            relation = sql.Identifier(settings.schema("staging"), table)
            cursor.execute(sql.SQL("truncate {}").format(relation))
            if table in files:
                seed = judge.read(table, files[table], is_proposal=True)
                statement = sql.SQL("copy {} ({}) from stdin with (format csv)").format(
                    relation, sql.SQL(", ").join(map(sql.Identifier, seed.header))
                )
                cursor.copy_expert(statement, _rows(seed))


def _rows(seed: SeedFile) -> io.StringIO:
    """The rows as COPY reads them: what was judged, and nothing else of the file."""
    text = io.StringIO()
    csv.writer(text).writerows([row[name] for name in seed.header] for row in seed.rows)
    text.seek(0)
    return text
