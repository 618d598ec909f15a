"""SIGKILL in mid-run, for each process of a deployment: what comes next is whole, and one is told.

A deployment on a PostgreSQL of its own runs loads and builds; by turns its daemon, web server, the
run's process, the code server with it, and PostgreSQL are killed at a seeded moment and started
again, as systemd would.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from deployment import Deployment, alerted, free_port, wait_for

if TYPE_CHECKING:
    from sandbox.postgres import Cluster
    from sandbox.standin import Standin

KILLS = 20
TARGETS = ("worker", "postgres", "daemon", "webserver", "code")
# How long a job of the sample may take before the kill, at most; a build costs the most.
JOBS = {"sweep": 6.0, "reconcile": 3.0, "rebuild": 40.0}
# A build takes minutes on a busy machine: of the twenty, these (KILLS_BUILDS=0,1,4).
BUILDS = [int(each) for each in os.environ.get("KILLS_BUILDS", "0,1,4").split(",")]
OWNER = "fusion_billing"


@dataclass
class House:
    """A deployment, its PostgreSQL, and whoever is told."""

    deployment: Deployment
    cluster: Cluster
    posts: list[Any] = field(default_factory=list)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.cluster.dsn("warehouse"))) as conn, conn:
            with conn.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()

    def kill(self, target: str) -> str:
        """Kill it and start it again; what it was in words."""
        if target == "worker":
            return "killed" if self.deployment.kill_worker() else "had ended"
        if target == "postgres":
            os.kill(self.cluster.pid or 0, signal.SIGKILL)
            time.sleep(2)
            self.cluster.start()
            return "killed, 2 s away"
        if target == "code":
            self.deployment.kill_worker()
        self.deployment.kill(target)
        time.sleep(1)
        self.deployment.start(target)
        return "killed, 1 s away"


@pytest.fixture
def house(
    tmp_path_factory: pytest.TempPathFactory, parsed_home: Path, nexacloud_dsn: str, odoo: Standin
) -> Iterator[House]:
    import shutil
    import tempfile

    from connections.settings import load_settings
    from orchestration.commands.world import _prepare_warehouse
    from sandbox.postgres import Cluster
    from sandbox.rows import AS_OF

    folder = Path(tempfile.mkdtemp(prefix="billing-kills-"))
    folder.chmod(0o755)
    cluster = Cluster(folder / "server", port=free_port(), throwaway=True).start()
    posts: list[Any] = []
    receiver = _receiver(posts)
    for role in (OWNER, "finance_reader", "finance_approver", "dagster"):
        cluster.ensure_role(role)
    dsn = cluster.create_database("warehouse", owner=OWNER).replace("//postgres@", f"//{OWNER}@")
    history = cluster.create_database("dagster", owner="dagster")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAREHOUSE_MIGRATE_DSN", cluster.dsn("warehouse"))
        _prepare_warehouse(load_settings(billing_home=folder, warehouse_dsn=dsn))
    (folder / "home/dbt/target").mkdir(parents=True)
    shutil.copy(parsed_home / "dbt/target/manifest.json", folder / "home/dbt/target")
    deployment = Deployment(
        folder / "home",
        environment={
            "ODOO_URL": odoo.url, "ODOO_DB": odoo.db, "ODOO_USER": odoo.user,
            "BILLING_AS_OF": AS_OF.isoformat(), "BILLING_AUTOMATION": "alert",
            "BILLING_LOOK_SECONDS": "5",
        },
        secrets={
            "WAREHOUSE_DSN": dsn, "NEXACLOUD_DSN": nexacloud_dsn, "ODOO_PASSWORD": odoo.password,
            "ALERT_WEBHOOK_URL": f"http://127.0.0.1:{receiver.server_address[1]}/",
        },
        history_dsn=history.replace("//postgres@", "//dagster@"),
    )  # fmt: skip
    try:
        deployment.prepare().start("code")
        wait_for(lambda: _listens(deployment.code_port), "the code server", 240)
        yield House(deployment.start("daemon", "webserver").wait(), cluster, posts)
    finally:
        deployment.stop()
        receiver.shutdown()
        cluster.stop(immediate=True)
        if not os.environ.get("KEEP_LOGS"):
            shutil.rmtree(folder, ignore_errors=True)


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _receiver(posts: list[Any]) -> HTTPServer:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _launched(house: House, job: str) -> str:
    """The web server may have just been killed: whoever asks asks again."""
    tags = {"dagster/partition": "2026-04"} if job == "reconcile" else {}
    found: list[str] = []

    def ask() -> bool:
        with suppress(AssertionError):
            found.append(house.deployment.launch(job, **tags))
        return bool(found)

    wait_for(ask, f"{job} is taken", 240)
    return found[0]


def _nothing_is_left(house: House) -> None:
    """No run is unfinished, nobody is in a pool, no lock and no transaction stays."""
    wait_for(lambda: not house.deployment.unfinished(), "all runs have an end", 150)
    wait_for(lambda: not house.deployment.claimed_pools(), "all pools are free", 60)
    wait_for(lambda: house.query(LEFT) == [], "no lock stays in the warehouse", 60)


LEFT = """
    select activity.application_name, activity.state, locks.locktype
    from pg_stat_activity as activity
    left join pg_locks as locks on activity.pid = locks.pid and locks.locktype = 'advisory'
    where activity.datname = 'warehouse' and activity.pid <> pg_backend_pid()
        and (locks.pid is not null or activity.state like 'idle in transaction%')
"""
WHOLE = """
    select builds.status, dim.build_id = builds.build_id
    from ops.builds as builds, marts.dim_build as dim
    order by builds.build_id desc limit 1
"""


def _one_alert_a_failed_run(house: House) -> int:
    """Each run that failed was told of once; how many were."""
    failed = sorted(run[:8] for run in house.deployment.runs("FAILURE"))
    wait_for(lambda: len(list(alerted(house.posts))) >= len(failed), "every alert", 60)
    assert sorted(alerted(house.posts)) == failed
    return len(failed)


def _play(house: House, target: str, job: str, seconds: float) -> str:
    """Kill in mid-run; then the same job once more. The row of a table."""
    run = _launched(house, job)
    wait_for(lambda: house.deployment.status(run) in ("STARTED", "SUCCESS"), "the run begins", 240)
    time.sleep(seconds)
    was = house.kill(target)
    house.deployment.wait()
    ended = house.deployment.end(run)
    again = house.deployment.end(_launched(house, job))
    assert again == "SUCCESS", f"{job} after {target}: {again}"
    if job == "rebuild":
        assert house.query(WHOLE) == [("passed", True)]
    _nothing_is_left(house)
    told = _one_alert_a_failed_run(house)
    return f"| {target} | {job} | {seconds:.1f} s | {was} | {ended} | {again} | {told} |"


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_twenty_kills_leave_nothing_behind(
    house: House, show_table: Callable[[str, str], None]
) -> None:
    chance = random.Random(int(os.environ.get("KILLS_SEED", "15")))
    assert house.deployment.end(_launched(house, "refresh")) == "SUCCESS"
    rows = [
        "| killed | during | after | how | the run | the next | runs told of |",
        "|---" * 7 + "|",
    ]
    for number in range(int(os.environ.get("KILLS", KILLS))):
        target = TARGETS[number % len(TARGETS)]
        job = "rebuild" if number in BUILDS else chance.choice(["sweep", "reconcile"])
        rows.append(_play(house, target, job, chance.uniform(0.2, JOBS[job])))
        print(number, rows[-1], flush=True)
    show_table("kills", "\n".join(rows))
