"""A built warehouse of the sample with its Odoo, and the finance pages served over it.

In: the session's cluster, a clone of the built sample. Out: settings of the world, a clone of it
with nothing in it, and page servers in processes of their own.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2.extras import RealDictCursor

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

ROOT = Path(__file__).resolve().parents[3]
OWNER = "fusion_billing"
USER_HEADER, GROUPS_HEADER = "X-Forwarded-Email", "X-Forwarded-Groups"
APPROVERS = "finance-approvers"
START_SECONDS = 90
# Every page that the navigation leads to, by its address.
PAGES = (
    *("", "customers", "month", "reconciliation", "exceptions", "invoices", "approvals", "cutover"),
    *("import", "revenue", "recurring", "month-end"),
)
# Only the pages' own settings reach a server; what it inherits is the guard of the network.
_INHERITED = ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR")


@dataclass(frozen=True)
class World:
    """The warehouse behind the pages, as its owner sees it."""

    settings: Any
    cluster: Cluster
    name: str

    @property
    def dsn(self) -> str:
        return self.cluster.dsn(self.name, user=OWNER)

    def as_role(self, role: str) -> str:
        return self.cluster.dsn(self.name, user=role)

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        with closing(psycopg2.connect(self.dsn)) as connection, connection:
            with connection.cursor(cursor_factory=RealDictCursor) as cursor:
                cursor.execute(statement, parameters or None)
                return [dict(row) for row in cursor.fetchall()]

    def execute(self, statement: str, *parameters: Any) -> None:
        with closing(psycopg2.connect(self.dsn)) as connection, connection:
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters or None)


PR_SET_PDEATHSIG = 1


def _die_with_the_tests() -> None:
    """A session that is killed leaves no page server behind; where the kernel knows no such wish,
    it does.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """`streamlit run dashboards/app.py` on a free port, without a person's environment."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        home.mkdir(parents=True, exist_ok=True)
        self.log = home / f"pages-{self.port}.log"
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-W", "ignore", "-m", "streamlit", "run"),
                    *(str(ROOT / "dashboards" / "app.py"), "--server.port", str(self.port)),
                ],
                cwd=ROOT,
                env={**kept, "BILLING_HOME": str(home), **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_the_tests,
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> Server:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5):
                    return self
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        raise AssertionError(f"the pages did not start: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """At once: a page server keeps nothing that would be lost."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)


def decided(settings: Any, cluster: Cluster, name: str) -> World:
    """Grant the pages' roles what they need, accept April, open the gates from May on."""
    from connections.postgres import warehouse
    from orchestration.decisions import Decision, accept_causes, open_gates, subscriptions
    from orchestration.queries import Filters
    from orchestration.warehouse import migrate

    migrate(settings)
    decision = Decision("Dana Roy", "April agrees")
    with warehouse(settings) as conn, conn.cursor() as cursor:
        # The sample was built by dbt alone, in place.
        cursor.execute(
            "insert into ops.builds (as_of, is_whole, status, finished_at)"
            " values (%s, true, 'passed', clock_timestamp())",
            (settings.as_of,),
        )
        accept_causes(conn, settings, Filters(period="2026-04"), decision)
        ready = [row for row in subscriptions(conn, settings) if row["is_ready"]]
        open_gates(conn, settings, ready, "2026-05", decision)
    return World(settings, cluster, name)


def emptied(cluster: Cluster, template: str, name: str) -> None:
    """A clone in which everything is built and nothing is in it."""
    cluster.create_database(name, template=template, owner=OWNER)
    with closing(psycopg2.connect(cluster.dsn(name))) as connection, connection:
        with connection.cursor() as cursor:
            cursor.execute("set session_replication_role = replica")  # ops refuses to be emptied
            cursor.execute(
                "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in"
                " ('intermediate', 'marts', 'raw_nexacloud', 'raw_odoo', 'snapshots', 'ops')"
                " and tablename <> 'schema_version'"
            )
            for (table,) in cursor.fetchall():
                cursor.execute(f"delete from {table}")
