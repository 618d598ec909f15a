"""A backup of decisions, ledger and history, restored and audited; what is wrong is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from connections.settings import Settings, load_settings
from orchestration import backup
from orchestration.command_error import CommandError
from orchestration.commands import backup as verb
from publishers import identities
from publishers.identities import Identity

COUNTS = "select count(*), max(hash) from ops.evidence"


@pytest.fixture
def settings(warehouse_dsn: str, tmp_path: Path) -> Settings:
    """A warehouse with one person in it: a link of evidence."""
    administrator = warehouse_dsn.replace("//fusion_billing@", "//postgres@")
    with closing(psycopg2.connect(administrator)) as conn:
        identities.add(conn, Identity("ada", "ada@example.com", database_users=("fusion_billing",)))
    from sandbox.postgres import find_binaries

    return load_settings(
        billing_home=tmp_path / "home",
        warehouse_dsn=warehouse_dsn,
        warehouse_migrate_dsn=administrator,
        billing_pg_bin=find_binaries(),
    )


@pytest.fixture
def empty(database: Callable[..., str]) -> str:
    return database("template0", "postgres").replace("//fusion_billing@", "//postgres@")


def _one(dsn: str, statement: str) -> Any:
    with closing(psycopg2.connect(dsn)) as conn, conn.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def test_a_restored_backup_holds_what_was_decided(
    settings: Settings, empty: str, tmp_path: Path
) -> None:
    file = tmp_path / "ops.dump"
    page = backup.make(settings, file)
    assert [head.table for head in page.heads] == ["identity_changes"]
    assert verb._restore(settings, file, empty, None) == []
    assert _one(empty, COUNTS) == _one(settings.warehouse_dsn, COUNTS)
    with pytest.raises(CommandError, match="there already"):
        verb._restore(settings, file, empty, None)
    with pytest.raises(CommandError, match="there already"):
        backup.make(settings, file)


def test_a_rehearsal_leaves_no_database(settings: Settings, tmp_path: Path) -> None:
    backup.make(settings, tmp_path / "ops.dump")
    with verb._scratch(settings) as dsn:
        assert verb._restore(settings, tmp_path / "ops.dump", dsn, None) == []
    names = "select datname from pg_database where datname like 'billing_rehearsal%'"
    assert _one(settings.migrate_dsn, names) == []


def test_an_encrypted_backup_opens_for_its_identity_alone(
    settings: Settings, empty: str, tmp_path: Path
) -> None:
    import pyrage

    ours, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    for name, key in {"ours": ours, "other": other}.items():
        (tmp_path / name).write_text(f"# a comment\n{key}\n")
    file = tmp_path / "ops.dump"
    backup.make(settings, file, str(ours.to_public()))
    assert b"ada@example.com" not in file.read_bytes()
    with pytest.raises(CommandError, match="--identity"):
        verb._restore(settings, file, empty, None)
    with pytest.raises(CommandError, match="does not open"):
        verb._restore(settings, file, empty, tmp_path / "other")
    assert verb._restore(settings, file, empty, tmp_path / "ours") == []


def test_a_damaged_or_foreign_backup_is_refused(
    settings: Settings, empty: str, tmp_path: Path
) -> None:
    file = tmp_path / "ops.dump"
    backup.make(settings, file)
    with file.open("ab") as end:
        end.write(b"x")
    with pytest.raises(CommandError, match=r"is not what ops\.dump\.json says"):
        verb._restore(settings, file, empty, None)
    backup.page_of(file).write_text(json.dumps({"form": "another"}))
    with pytest.raises(CommandError, match="no page of a backup"):
        verb._restore(settings, file, empty, None)
    backup.page_of(file).unlink()
    with pytest.raises(CommandError, match="a backup is two files"):
        verb._restore(settings, file, empty, None)


def test_a_copy_that_lost_a_link_of_its_chain_fails_its_audit(
    settings: Settings, empty: str, tmp_path: Path
) -> None:
    file = tmp_path / "ops.dump"
    backup.make(settings, file)
    page = json.loads(backup.page_of(file).read_text())
    page["heads"][0][2] = "0" * 64
    backup.page_of(file).write_text(json.dumps(page))
    found = verb._restore(settings, file, empty, None)
    assert [each.kind for each in found] == ["replaced"]


def test_what_pg_dump_refuses_leaves_no_file(settings: Settings, tmp_path: Path) -> None:
    nobody = settings.model_copy(
        update={"warehouse_migrate_dsn": "postgresql://nobody@127.0.0.1:1/none"}
    )
    with pytest.raises(CommandError, match="pg_dump refused"):
        backup.make(nobody, tmp_path / "ops.dump")
    assert [path.name for path in tmp_path.glob("*ops*")] == []
