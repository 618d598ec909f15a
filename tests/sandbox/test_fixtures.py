"""The fixtures that all rooms stand on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import odoorpc
import psycopg2
import pytest

from connections.settings import Settings
from sandbox.postgres import Cluster
from sandbox.standin import Standin

ROOT = Path(__file__).resolve().parents[2]


def test_the_reader_may_read_and_not_write(nexacloud_dsn: str) -> None:
    with closing(psycopg2.connect(nexacloud_dsn)) as connection:
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from usage_records")
            assert cursor.fetchone() == (8095,)
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("delete from usage_records")


def test_a_test_cannot_leave_the_machine() -> None:
    with pytest.raises(RuntimeError, match="loopback only"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(RuntimeError, match="loopback only"):
        socket.getaddrinfo("pypi.org", 443)
    with pytest.raises(RuntimeError, match="loopback only"):
        psycopg2.connect("postgresql://nobody@192.0.2.1/x", connect_timeout=1)


def test_settings_name_all_three_databases(settings: Settings) -> None:
    assert settings.as_of.isoformat() == "2026-06-03T12:00:00+00:00"
    with closing(psycopg2.connect(settings.dsn("nexacloud"))) as connection:
        with connection.cursor() as cursor:
            cursor.execute("select current_user, count(*) from users")
            assert cursor.fetchone() == ("odoo_billing_ro", 7)
    with closing(psycopg2.connect(settings.dsn("warehouse"))) as connection:
        with connection.cursor() as cursor:
            cursor.execute("select current_user, to_regclass('ops.publications') is not null")
            assert cursor.fetchone() == ("fusion_billing", True)


def test_odoorpc_talks_to_the_stand_in_unpatched(odoo: Standin) -> None:
    session = odoorpc.ODOO("127.0.0.1", port=odoo.port, timeout=20)
    session.login(odoo.db, odoo.user, odoo.password)
    assert session.version.startswith("19.")
    assert session.env["sale.order"].search_count([]) == 87


def test_community_lacks_what_enterprise_has(odoo_community: Standin) -> None:
    session = odoorpc.ODOO("127.0.0.1", port=odoo_community.port, timeout=20)
    session.login(odoo_community.db, odoo_community.user, odoo_community.password)
    assert "is_subscription" not in session.env["sale.order"].fields_get(["is_subscription"])


@pytest.mark.parametrize("ordinal", [1, 2])
def test_every_test_has_databases_of_its_own(
    ordinal: int, warehouse_dsn: str, nexacloud_owner_dsn: str
) -> None:
    for dsn in (warehouse_dsn, nexacloud_owner_dsn):
        with closing(psycopg2.connect(dsn)) as connection, connection:
            with connection.cursor() as cursor:
                cursor.execute("create schema mine")


def test_children_of_tests_cannot_leave_the_machine_either() -> None:
    reach = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    done = subprocess.run(
        [sys.executable, "-c", reach], capture_output=True, text=True, check=False
    )
    assert "OutsideLoopback" in done.stderr


def test_a_name_that_cannot_exist_is_unknown_without_asking() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("receiver.invalid", 443)


def test_the_cluster_of_a_killed_session_is_removed_by_the_next(tmp_path: Path) -> None:
    home = Path(tempfile.mkdtemp(prefix="billing-test-"))
    home.chmod(0o755)
    left = Cluster(home, throwaway=True).start()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (home / "owner.pid").write_text(str(gone.pid))
    test = tmp_path / "test_next.py"
    test.write_text("def test_next(cluster): assert cluster.is_running()")
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [sys.executable, *command, "-p", "conftest", str(test)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{os.environ['PYTHONPATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not left.is_running()
    assert not home.exists()
