"""The whole world: up makes true what is not yet true, whatever was killed before."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from sandbox import world
from sandbox.postgres import Cluster
from sandbox.processes import SandboxError, is_port_free
from sandbox.standin import Standin, start_standin

ROOT = Path(__file__).resolve().parents[2]
ANY_PORT = world.WorldOptions(odoo_port=None, throwaway=True)
UP = "import sys; from pathlib import Path; from sandbox import world; world.up(Path(sys.argv[1]))"


@pytest.fixture(scope="module")
def _home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="billing-world-"))
    path.chmod(0o755)
    yield path
    world.down(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def home(_home: Path) -> Path:
    """A home whose world is up; one for all tests, since up heals what a test broke."""
    world.up(_home, options=ANY_PORT)
    return _home


def ask(dsn: str | None, statement: str) -> object:
    assert dsn is not None
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def test_up_tells_where_everything_is(home: Path) -> None:
    state = world.status(home)
    assert state.is_up
    told = json.loads((home / "sandbox.json").read_text())
    assert set(told) == {
        "warehouse_dsn", "warehouse_migrate_dsn", "nexacloud_dsn", "odoo_url", "odoo_db",
        "odoo_user", "odoo_password", "odoo_api_key", "odoo_import_user",
        "odoo_import_password", "odoo_import_api_key", "as_of",
    }  # fmt: skip
    assert told["as_of"] == "2026-06-03T12:00:00+00:00"
    assert ask(told["nexacloud_dsn"], "select count(*) from subscriptions") == 87
    assert ask(told["nexacloud_dsn"], "select current_user") == "odoo_billing_ro"
    assert ask(told["warehouse_dsn"], "select current_user") == "fusion_billing"
    assert state.odoo_url == told["odoo_url"]


def test_the_owner_of_the_warehouse_may_make_schemas_in_it(home: Path) -> None:
    dsn = world.status(home).warehouse_dsn
    ask(dsn, "create schema probe; drop schema probe")
    assert ask(dsn, "select rolsuper from pg_roles where rolname = current_user") is False


def test_up_twice_is_a_no_op(home: Path) -> None:
    before = (world.status(home), (home / "sandbox.json").stat().st_mtime_ns)
    after = (world.up(home, options=ANY_PORT), (home / "sandbox.json").stat().st_mtime_ns)
    assert after == before


@pytest.mark.parametrize(
    "victims", [("postgres_pid",), ("odoo_pid",), ("postgres_pid", "odoo_pid")]
)
def test_up_heals_after_a_kill(home: Path, victims: tuple[str, ...]) -> None:
    before = world.status(home)
    ask(before.warehouse_dsn, "create table if not exists kept (answer int)")
    for victim in victims:
        os.kill(getattr(before, victim), signal.SIGKILL)
    after = world.up(home, options=ANY_PORT)
    assert after.is_up
    assert (after.warehouse_dsn, after.odoo_url) == (before.warehouse_dsn, before.odoo_url)
    assert ask(after.warehouse_dsn, "select count(*) from kept") == 0


def test_down_frees_the_ports_forgets_the_addresses_and_keeps_the_data(home: Path) -> None:
    before = world.status(home)
    ask(before.warehouse_dsn, "create table if not exists remembered (answer int)")
    world.down(home)
    assert not (home / "sandbox.json").exists()
    assert is_port_free(int(str(before.odoo_url).rsplit(":", 1)[1]))
    down = world.status(home)
    assert (down.is_up, down.postgres_pid, down.odoo_pid) == (False, None, None)
    world.down(home)
    after = world.up(home, options=ANY_PORT)
    assert (after.warehouse_dsn, after.odoo_url) == (before.warehouse_dsn, before.odoo_url)
    assert ask(after.warehouse_dsn, "select count(*) from remembered") == 0


def test_two_ups_at_once_make_one_world(home: Path) -> None:
    world.down(home)
    both = [
        subprocess.Popen([sys.executable, "-c", UP, str(home)], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert world.status(home).is_up
    log = (home / "odoo.log").read_text()
    url = world.status(home).odoo_url
    assert url is not None
    assert log.splitlines()[-1].count(url) == 1


def test_an_up_that_was_killed_while_it_filled_nexacloud_is_finished_by_the_next(
    home: Path,
) -> None:
    cluster = Cluster(home)
    world.down(home)
    cluster.start()
    cluster.drop_database("nexacloud")
    cluster.create_database("nexacloud_draft")
    state = world.up(home, options=ANY_PORT)
    assert ask(state.nexacloud_dsn, "select count(*) from plans") == 232
    assert not cluster.has_database("nexacloud_draft")


def test_no_address_is_told_of_a_world_that_is_not_whole(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.down(home)

    def refuse(*_arguments: object, **_options: object) -> Standin:
        raise SandboxError("no stand-in today")

    monkeypatch.setattr(world, "start_standin", refuse)
    with pytest.raises(SandboxError, match="no stand-in"):
        world.up(home, options=ANY_PORT)
    assert not (home / "sandbox.json").exists()
    assert not world.status(home).is_up


def test_reset_throws_everything_away(home: Path) -> None:
    ask(world.status(home).warehouse_dsn, "create table if not exists gone (answer int)")
    state = world.reset(home, options=ANY_PORT)
    assert state.is_up
    assert ask(state.warehouse_dsn, "select to_regclass('gone')") is None
    assert ask(state.nexacloud_dsn, "select count(*) from usage_records") == 8095


def test_community_has_a_database_of_its_own(home: Path) -> None:
    state = world.up(
        home, options=world.WorldOptions(community=True, odoo_port=None, throwaway=True)
    )
    assert (state.community, state.odoo_db) == (True, "odoo_community")
    back = world.up(home, options=ANY_PORT)
    assert (back.community, back.odoo_db, back.is_up) == (False, "odoo", True)


def test_the_scale_knob_fills_nexacloud_beside_the_sample(cluster: Cluster) -> None:
    from sandbox.sample import build_sample

    dsn = world.create_nexacloud(cluster, "scaled", build_sample(), scale=3)
    assert ask(dsn, "select count(*) from subscriptions") == 90
    cluster.drop_database("scaled")


def test_status_of_a_world_that_never_was_is_quiet(tmp_path: Path) -> None:
    assert not world.status(tmp_path / "nowhere").is_up
    world.down(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_stand_in_whose_port_is_taken_takes_another(odoo: Standin, tmp_path: Path) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        second = start_standin(tmp_path / "second", odoo.dsn, port=port)
    assert second.port != port
    assert second.answers()
    second.stop()
    assert not second.answers()
    second.stop()


def test_a_stand_in_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"(?s)does not start.*connection"):
        start_standin(tmp_path, "postgresql://odoo@127.0.0.1:1/none")
