"""backup and restore: what nothing can make again, with a rehearsal that audits the copy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import psycopg2
import typer
from psycopg2 import sql
from psycopg2.extensions import connection, make_dsn, parse_dsn

from connections.settings import Settings, load_settings
from orchestration import backup as backups
from orchestration import render
from orchestration.command_error import CommandError
from publishers import audit, evidence
from publishers.evidence import Discrepancy

Archive = Annotated[Path, typer.Argument(help="The backup; a page of JSON is beside it.")]
EncryptTo = Annotated[
    str | None,
    typer.Option(metavar="AGE_RECIPIENT", help="Encrypt for age1...: only its identity opens it."),
]
Into = Annotated[
    str | None, typer.Option(metavar="DSN", help="A database without schemas ops and snapshots.")
]
Rehearse = Annotated[
    bool, typer.Option("--rehearse", help="Into a database of its own here, and drop it again.")
]
IdentityFile = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="The age identity that opens it.")
]


def backup(file: Archive, encrypt_to: EncryptTo = None) -> None:
    """Dump decisions, the ledger and history in one snapshot, and keep the chains' heads beside it.

    Example: [bold]billing backup ops-2026-06-03.dump --encrypt-to age1...[/]
    """
    page = backups.make(load_settings(), file, encrypt_to)
    said = ", encrypted" if page.is_encrypted else ""
    render.stdout.print(f"{file} is written{said}; sha256 {page.sha256[:16]}...", highlight=False)


def restore(
    file: Archive, into: Into = None, rehearse: Rehearse = False, identity: IdentityFile = None
) -> None:
    """Put a backup into a database and audit it there; with --rehearse, for practice only.

    Example: [bold]billing restore ops-2026-06-03.dump --rehearse[/]
    """
    settings = load_settings()
    if rehearse == (into is not None):
        raise typer.BadParameter("say where: --into DSN, or --rehearse")
    if into is not None:
        found = _restore(settings, file, into, identity)
    else:
        with _scratch(settings) as dsn:
            found = _restore(settings, file, dsn, identity)
    for finding in found:
        render.stdout.print(
            f"[red]{finding.kind}[/] {render.escape(finding.says)}", highlight=False
        )
    if found:
        raise typer.Exit(1)
    done = "was restored and audited, and its database is dropped again" if rehearse else ""
    render.stdout.print(f"{file} {done or 'is restored and audited: next `billing roles`'}")


def _restore(settings: Settings, file: Path, dsn: str, identity: Path | None) -> list[Discrepancy]:
    with closing(psycopg2.connect(dsn)) as conn:
        _refuse_taken(conn)
    page = backups.restore(settings, file, dsn, identity)
    with closing(psycopg2.connect(dsn)) as conn:
        return [
            *evidence.verify(conn, page.heads),
            *(each for each in audit.approvals(conn) if each.kind != "adopted"),
            *audit.totals(conn),
        ]


def _refuse_taken(conn: connection) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "select nspname from pg_namespace where nspname = any(%s)", (list(backups.SCHEMAS),)
        )
        taken = [name for (name,) in cursor.fetchall()]
    if taken:
        raise CommandError(
            f"schema {' and '.join(taken)} is there already, and nothing overwrites it: name a"
            " database without"
        )


@contextmanager
def _scratch(settings: Settings) -> Iterator[str]:
    """A database on the warehouse's server, for as long as the block lasts."""
    parts = parse_dsn(settings.migrate_dsn)
    name = f"billing_rehearsal_{uuid4().hex[:8]}"
    with closing(psycopg2.connect(settings.migrate_dsn)) as conn:
        conn.autocommit = True
        with conn.cursor() as cursor:
            try:
                cursor.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            except psycopg2.errors.InsufficientPrivilege:
                raise CommandError(
                    f"{parts.get('user')} may not create a database here: let an administrator"
                    " make an empty one and name it with --into"
                ) from None
            try:
                yield make_dsn(**{**parts, "dbname": name})
            finally:
                cursor.execute(sql.SQL("drop database {}").format(sql.Identifier(name)))
