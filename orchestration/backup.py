"""Backups of what nothing can make again: decisions and the ledger (`ops`), history (`snapshots`).

Flows in: a warehouse, a file. Flows out: PostgreSQL's own archive, which `pg_restore` reads without
us, or the same encrypted for an age recipient; beside it a page of JSON with the file's hash and
the heads of the chains, against which a restored copy is verified.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from psycopg2.extensions import make_dsn, parse_dsn

from connections.postgres import warehouse
from connections.settings import Settings
from orchestration.command_error import CommandError
from publishers import evidence
from publishers.evidence import Head

SCHEMAS = ("ops", "snapshots")
FORM = "fusion-billing backup 1"


@dataclass(frozen=True)
class Page:
    """What is said of a backup beside it."""

    sha256: str
    made_at: str
    is_encrypted: bool
    heads: Sequence[Head]


def page_of(file: Path) -> Path:
    """Where the page beside a backup is."""
    return file.with_name(file.name + ".json")


def make(settings: Settings, file: Path, recipient: str | None = None) -> Page:
    """Dump both schemas in one snapshot into `file`, which must not be there yet.

    Raises CommandError where pg_dump is missing or refuses; then there is no file.
    """
    for path in (file, page_of(file)):
        if path.exists():
            raise CommandError(f"{path} is there already: name another file")
    with warehouse(settings) as conn:
        heads = evidence.heads(conn)  # before the dump: what it holds begins with these
    with TemporaryDirectory(dir=file.parent, prefix=".backup-") as folder:
        dump = Path(folder) / "dump"
        schemas = [part for schema in SCHEMAS for part in ("--schema", schema)]
        dsn = settings.migrate_dsn
        _run(settings, "pg_dump", dsn, "--format=custom", *schemas, f"--file={dump}")
        _run(settings, "pg_restore", None, "--list", str(dump))
        ready = _encrypted(dump, recipient) if recipient else dump
        page = Page(
            sha256=_sha256(ready),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            is_encrypted=recipient is not None,
            heads=heads,
        )
        text = Path(folder) / "page"
        text.write_text(json.dumps(_as_json(page), indent=1) + "\n", encoding="utf-8")
        text.replace(page_of(file))
        ready.replace(file)
    return page


def restore(settings: Settings, file: Path, dsn: str, identity: Path | None = None) -> Page:
    """Put a backup into a database that has neither schema.

    Raises CommandError where the file is not what its page says, or the database is not free.
    """
    page = read_page(file)
    if _sha256(file) != page.sha256:
        raise CommandError(
            f"{file} is not what {page_of(file).name} says: another file, or damaged"
        )
    if page.is_encrypted and identity is None:
        raise CommandError(f"{file} is encrypted: name the age identity with --identity")
    with TemporaryDirectory(prefix="billing-restore-") as folder:
        dump = _decrypted(file, identity, Path(folder)) if identity else file
        options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
        _run(settings, "pg_restore", dsn, *options, str(dump))
    return page


def read_page(file: Path) -> Page:
    """The page beside a backup.

    Raises CommandError where it is missing or no page of ours.
    """
    path = page_of(file)
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["form"] != FORM:
            raise KeyError("form")
        heads = [Head(table, int(number), str(value)) for table, number, value in said["heads"]]
        return Page(said["sha256"], said["made_at"], bool(said["is_encrypted"]), heads)
    except FileNotFoundError:
        raise CommandError(f"{path} is missing: a backup is two files") from None
    except (ValueError, KeyError, TypeError):
        raise CommandError(f"{path} is no page of a backup") from None


def _as_json(page: Page) -> dict[str, Any]:
    return {
        "form": FORM,
        "sha256": page.sha256,
        "made_at": page.made_at,
        "is_encrypted": page.is_encrypted,
        "heads": [[head.table, head.number, head.hash] for head in page.heads],
    }


def _run(settings: Settings, program: str, dsn: str | None, *options: str) -> None:
    """A program of PostgreSQL; the password travels in its environment, not on its command line."""
    environment: Mapping[str, str] = os.environ
    target: tuple[str, ...] = ()
    if dsn is not None:
        parts = parse_dsn(dsn)
        environment = {**os.environ, "PGPASSWORD": parts.pop("password", "")}
        target = (f"--dbname={make_dsn(**parts)}",)
    done = subprocess.run(
        [str(_program(settings, program)), *target, *options],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise CommandError(f"{program} refused: {said[0]}")


def _program(settings: Settings, name: str) -> Path:
    if settings.billing_pg_bin is not None:
        return settings.billing_pg_bin / name
    if settings.is_sandbox("warehouse"):
        from sandbox.postgres import find_binaries

        return find_binaries() / name
    found = shutil.which(name)
    if found is None:
        raise CommandError(
            f"{name} is not on the PATH: install PostgreSQL's client programs, or say where they"
            " are by BILLING_PG_BIN"
        )
    return Path(found)


def _encrypted(dump: Path, recipient: str) -> Path:
    import pyrage

    try:
        whom = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise CommandError(f"{recipient} is no age recipient (age1...): {error}") from None
    sealed = dump.with_name("sealed")
    pyrage.encrypt_file(str(dump), str(sealed), [whom])
    return sealed


def _decrypted(file: Path, identity: Path, folder: Path) -> Path:
    import pyrage

    lines = identity.read_text(encoding="utf-8").splitlines()
    secrets = [line.strip() for line in lines if line.startswith("AGE-SECRET-KEY-")]
    dump = folder / "dump"
    try:
        keys = [pyrage.x25519.Identity.from_str(secret) for secret in secrets]
        pyrage.decrypt_file(str(file), str(dump), keys)
    except (pyrage.DecryptError, pyrage.IdentityError) as error:
        raise CommandError(f"{identity} does not open {file}: {error}") from None
    return dump


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
