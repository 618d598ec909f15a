"""The whole world to play in: PostgreSQL with NexaCloud, the warehouse and Odoo, and the stand-in.

Flows in: a home folder. Flows out: running servers, and `<home>/sandbox.json`, which says where
they are; it is written last, so whoever finds it finds a world that is whole. `up` makes true what
is not yet true, whatever was killed before, and changes nothing when all is well.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from sandbox import nexacloud
from sandbox.odoo_standin.builds import DEFAULT
from sandbox.postgres import Cluster
from sandbox.processes import file_lock
from sandbox.rows import AS_OF, Sample
from sandbox.sample import build_sample
from sandbox.standin import Standin, is_standin, login_as, start_standin

WAREHOUSE_OWNER = "fusion_billing"
# Whoever opens the finance pages; what they may do is granted with the schema.
PAGE_ROLES = ("finance_reader", "finance_approver", "finance_auditor")
ODOO_OWNER = "odoo"
DEFAULT_ODOO_PORT = 18069
SOURCES = frozenset({"warehouse", "nexacloud", "odoo"})
_SCALE_MONTHS = 6
_STATE_FILE = "sandbox.json"
_ODOO_FILE = "odoo.json"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class WorldState:
    """Where the world is and what of it runs; `is_up` is true only when all of it answers. What has
    no address was not wanted: a real source stands there.
    """

    home: Path
    warehouse_dsn: str | None = None
    nexacloud_dsn: str | None = None
    odoo_url: str | None = None
    odoo_db: str | None = None
    odoo_user: str | None = None
    odoo_password: str | None = None
    community: bool = False
    postgres_pid: int | None = None
    odoo_pid: int | None = None

    @property
    def is_up(self) -> bool:
        """Say whether what sandbox.json names answers."""
        databases = self.warehouse_dsn or self.nexacloud_dsn
        is_whole = self.odoo_pid is not None or not self.odoo_url
        return bool(databases or self.odoo_url) and self.postgres_pid is not None and is_whole


@dataclass(frozen=True)
class WorldOptions:
    """The knobs: ports are wishes; `scale` adds so many subscriptions with hourly usage; `sources`
    are those that the world shall stand in for.

    `throwaway` trades the safety of files for speed; for tests only.
    """

    community: bool = False
    odoo_build: str = DEFAULT
    bin_dir: Path | None = None
    postgres_port: int | None = None
    odoo_port: int | None = DEFAULT_ODOO_PORT
    scale: int = 0
    throwaway: bool = False
    sources: frozenset[str] = SOURCES


def up(
    home: Path,
    *,
    community: bool = False,
    options: WorldOptions | None = None,
    progress: Progress | None = None,
) -> WorldState:
    """Bring the world up, and return where it is; safe to call twice, and by two at once."""
    options = options or WorldOptions(community=community)
    say = progress or (lambda _message: None)
    home.mkdir(parents=True, exist_ok=True)
    with file_lock(home / "sandbox.lock", timeout_seconds=300):
        say("PostgreSQL")
        cluster = _cluster(home, options).start()
        roles = (WAREHOUSE_OWNER, *PAGE_ROLES, nexacloud.OWNER, nexacloud.READER, ODOO_OWNER)
        for role in roles:
            cluster.ensure_role(role)
        addresses: dict[str, str] = {}
        if "warehouse" in options.sources:
            addresses |= _warehouse(cluster)
        if "nexacloud" in options.sources:
            say("sample NexaCloud")
            addresses |= _nexacloud(cluster, options.scale)
        if "odoo" in options.sources:
            say("Odoo stand-in")
            addresses |= _odoo(cluster, home, options)
        _write_json(home / _STATE_FILE, addresses)
    return status(home)


def down(home: Path) -> None:
    """Stop the world and forget its addresses; the data stay."""
    if not home.exists():
        return
    with file_lock(home / "sandbox.lock"):
        _stop(home)


def status(home: Path) -> WorldState:
    """Tell what runs, by asking it."""
    known = _read_json(home / _STATE_FILE) or {}
    odoo = _read_standin(home)
    cluster = Cluster(home)
    answers = (home / "postgres").exists() and cluster.is_running()
    return WorldState(
        home=home,
        warehouse_dsn=known.get("warehouse_dsn"),
        nexacloud_dsn=known.get("nexacloud_dsn"),
        odoo_url=known.get("odoo_url"),
        odoo_db=known.get("odoo_db"),
        odoo_user=known.get("odoo_user"),
        odoo_password=known.get("odoo_password"),
        community=odoo.community if odoo else False,
        postgres_pid=cluster.pid if answers else None,
        odoo_pid=odoo.pid if odoo and is_standin(odoo.pid) and odoo.answers() else None,
    )


def reset(
    home: Path,
    *,
    community: bool = False,
    options: WorldOptions | None = None,
    progress: Progress | None = None,
) -> WorldState:
    """Throw the world away, with the warehouse and all decisions in it, and bring up a new one."""
    home.mkdir(parents=True, exist_ok=True)
    with file_lock(home / "sandbox.lock"):
        _stop(home)
        shutil.rmtree(home / "postgres", ignore_errors=True)
    return up(home, community=community, options=options, progress=progress)


# ----------------------------------------------------------------------------------- databases


def _cluster(home: Path, options: WorldOptions) -> Cluster:
    return Cluster(
        home,
        bin_dir=options.bin_dir,
        port=options.postgres_port,
        throwaway=options.throwaway,
    )


def _ensure_nexacloud(cluster: Cluster, scale: int) -> None:
    """Fill NexaCloud under another name and rename it: a half-filled one never counts."""
    if cluster.has_database("nexacloud"):
        return
    create_nexacloud(cluster, "nexacloud_draft", build_sample(), scale)
    with cluster.admin() as session, session.cursor() as cursor:
        cursor.execute("alter database nexacloud_draft rename to nexacloud")


def create_nexacloud(cluster: Cluster, name: str, sample: Sample, scale: int = 0) -> str:
    """Create a NexaCloud database with a sample's rows, replacing one of that name; give its DSN.

    The DSN is the superuser's; the roles of the database are created when they are missing.
    """
    for role in (nexacloud.OWNER, nexacloud.READER):
        cluster.ensure_role(role)
    cluster.drop_database(name)
    dsn = cluster.create_database(name, owner=nexacloud.OWNER)
    with closing(psycopg2.connect(dsn)) as connection, connection:
        nexacloud.create_tables(connection)
        nexacloud.fill(connection, sample)
        if scale:
            nexacloud.scale(connection, scale, _SCALE_MONTHS, AS_OF.isoformat())
        with connection.cursor() as cursor:
            # Whoever may read NexaCloud may not create anything in it either.
            statement = sql.SQL("revoke temporary on database {} from public")
            cursor.execute(statement.format(sql.Identifier(name)))
    return dsn


# ------------------------------------------------------------------------------------ stand-in


def _odoo_db(options: WorldOptions) -> str:
    """Name Odoo's database: an edition never finds what the other left."""
    return "odoo_community" if options.community else "odoo"


def _ensure_standin(cluster: Cluster, home: Path, options: WorldOptions) -> Standin:
    """Keep the stand-in that runs on the right database, or start one."""
    _ensure_database(cluster, _odoo_db(options), ODOO_OWNER)
    dsn = cluster.dsn(_odoo_db(options), ODOO_OWNER)
    known = _read_standin(home)
    is_wanted = known and (known.dsn, known.build) == (dsn, options.odoo_build)
    if known and is_wanted and is_standin(known.pid) and known.answers():
        return known
    if known:
        known.stop()
    port = known.port if known else options.odoo_port
    standin = start_standin(
        home, dsn, community=options.community, port=port, build=options.odoo_build
    )
    _write_json(
        home / _ODOO_FILE,
        {
            "dsn": dsn,
            "port": standin.port,
            "pid": standin.pid,
            "community": standin.community,
            "build": standin.build,
        },
    )
    return standin


def _read_standin(home: Path) -> Standin | None:
    known = _read_json(home / _ODOO_FILE)
    return Standin(folder=home, **known) if known else None


def _stop(home: Path) -> None:
    (home / _STATE_FILE).unlink(missing_ok=True)
    standin = _read_standin(home)
    if standin:
        standin.stop()  # its file stays: the next one takes the same port
    if (home / "postgres").exists():
        Cluster(home).stop()


# ---------------------------------------------------------------------------------- state files


def _warehouse(cluster: Cluster) -> dict[str, str]:
    _ensure_database(cluster, "warehouse", WAREHOUSE_OWNER)
    return {
        "warehouse_dsn": cluster.dsn("warehouse", WAREHOUSE_OWNER),
        # The administrator: schema ops belongs to a role that nobody logs in as.
        "warehouse_migrate_dsn": cluster.dsn("warehouse"),
    }


def _nexacloud(cluster: Cluster, scale: int) -> dict[str, str]:
    _ensure_nexacloud(cluster, scale)
    dsn = cluster.dsn("nexacloud", nexacloud.READER)
    return {"nexacloud_dsn": dsn, "as_of": AS_OF.isoformat()}


def _odoo(cluster: Cluster, home: Path, options: WorldOptions) -> dict[str, str]:
    standin = _ensure_standin(cluster, home, options)
    return {
        "odoo_url": standin.url,
        "odoo_db": standin.db,
        **standin.login,
        **login_as(standin.importer, "import"),
    }


def _ensure_database(cluster: Cluster, name: str, owner: str) -> None:
    if not cluster.has_database(name):
        cluster.create_database(name, owner=owner)


def _write_json(path: Path, content: object) -> None:
    """Write a file whole or not at all, and not at all where it says so already."""
    text = json.dumps(content, indent=2) + "\n"
    if path.exists() and path.read_text() == text:
        return
    draft = path.with_suffix(".tmp")
    draft.write_text(text)
    os.replace(draft, path)


def _read_json(path: Path) -> dict[str, Any] | None:
    """Read a state file; one that a crash left unreadable counts as absent."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None
