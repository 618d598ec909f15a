"""A place beside what counts, for answers that want a build of their own.

Flows in: settings, and the same ones under another prefix. Flows out: nothing stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg2 import sql

from connections.postgres import warehouse
from connections.settings import Settings
from orchestration.warehouse import only_one

LAYERS = ("staging", "intermediate", "marts", "serving")


@contextmanager
def room(
    settings: Settings, imagined: Settings, work: str, whose: str, tell: Callable[[str], object]
) -> Iterator[None]:
    """Schemas under the prefix of `imagined`, for one at a time; dropped at the end."""
    with only_one(settings, work, whose, tell):
        try:
            yield
        finally:
            with warehouse(settings) as conn, conn.cursor() as cursor:
                for layer in LAYERS:
                    schema = sql.Identifier(imagined.schema(layer))
                    cursor.execute(sql.SQL("drop schema if exists {} cascade").format(schema))
