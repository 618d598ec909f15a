"""The embedded PostgreSQL: it starts once, survives kills, and runs as root or not."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from sandbox.postgres import DEFAULT_HOME, Cluster, find_binaries
from sandbox.processes import SandboxError, file_lock, free_port, is_port_free

ROOT = Path(__file__).resolve().parents[2]
START = (
    "import sys; from pathlib import Path; from sandbox.postgres import Cluster; "
    "print(Cluster(Path(sys.argv[1]), throwaway=True).start().pid)"
)


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that an ordinary user can reach; servers left in it are stopped."""
    path = Path(tempfile.mkdtemp(prefix="billing-cluster-"))
    path.chmod(0o755)
    yield path
    Cluster(path).stop(immediate=True)
    shutil.rmtree(path, ignore_errors=True)


def answer(cluster: Cluster, statement: str) -> object:
    with cluster.admin() as session, session.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return row[0] if row else None


def test_start_is_idempotent_and_outlives_its_starter(home: Path) -> None:
    first = subprocess.check_output([sys.executable, "-c", START, str(home)], cwd=ROOT, text=True)
    cluster = Cluster(home)
    assert cluster.is_running()
    assert cluster.start().pid == int(first)


def test_two_starts_at_once_give_one_server(home: Path) -> None:
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(home)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    pids = {starter.communicate(timeout=60)[0] for starter in starters}
    assert [starter.returncode for starter in starters] == [0, 0, 0]
    assert len(pids) == 1


def test_after_a_sigkill_it_comes_back_with_its_data_on_its_port(home: Path) -> None:
    cluster = Cluster(home).start()
    cluster.create_database("kept")
    port, pid = cluster.port, cluster.pid
    assert pid is not None
    # An open session keeps a backend alive for an instant after its postmaster died.
    session = psycopg2.connect(cluster.dsn("kept"))
    with session, session.cursor() as cursor:
        cursor.execute("create table t as select 42 as answer")
    os.kill(pid, signal.SIGKILL)
    again = Cluster(home).start()
    session.close()
    assert (again.port, again.has_database("kept")) == (port, True)
    assert again.pid != pid
    with psycopg2.connect(again.dsn("kept")) as check, check.cursor() as cursor:
        cursor.execute("select answer from t")
        assert cursor.fetchone() == (42,)


def test_a_pid_file_that_names_a_stranger_is_no_server(home: Path) -> None:
    """After a restart of the machine the old number may be anybody's."""
    cluster = Cluster(home, throwaway=True).start()
    pid_file = cluster.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    cluster.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert not cluster.is_running()
    assert cluster.start().is_running()
    assert cluster.pid != os.getpid()


def test_a_stranger_on_its_port_makes_it_move(home: Path) -> None:
    cluster = Cluster(home, throwaway=True).start()
    port = cluster.port
    cluster.stop()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        assert not is_port_free(port)
        assert cluster.start().port != port
    assert answer(cluster, "select 1") == 1


def test_a_start_that_was_killed_half_way_leaves_nothing_that_counts(home: Path) -> None:
    half = home / "postgres.new" / "data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    (home / "postgres").mkdir()
    cluster = Cluster(home, throwaway=True).start()
    assert answer(cluster, "show data_directory") == str(home / "postgres")


def test_stop_is_idempotent_and_frees_the_port(home: Path) -> None:
    cluster = Cluster(home, throwaway=True).start()
    port = cluster.port
    cluster.stop()
    cluster.stop()
    assert is_port_free(port)


def test_only_the_sandbox_of_tests_gives_up_fsync(home: Path, cluster: Cluster) -> None:
    assert answer(cluster, "show fsync") == "off"
    assert answer(Cluster(home).start(), "show fsync") == "on"


def test_it_listens_on_loopback_only(cluster: Cluster) -> None:
    assert answer(cluster, "show listen_addresses") == "127.0.0.1"
    assert answer(cluster, "show unix_socket_directories") == ""
    assert answer(cluster, "show timezone") == "UTC"


def test_a_clone_is_dropped_as_any_database(cluster: Cluster) -> None:
    cluster.create_database("original")
    cluster.create_database("copy", template="original")
    assert cluster.has_database("copy")
    cluster.drop_database("copy")
    cluster.drop_database("original")
    assert not cluster.has_database("copy")


def test_a_folder_without_the_programs_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="BILLING_PG_BIN"):
        find_binaries(tmp_path)


def test_data_of_another_version_are_refused_at_once_and_named(home: Path) -> None:
    cluster = Cluster(home, throwaway=True).start()
    cluster.stop()
    (cluster.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(SandboxError, match="made by PostgreSQL 9"):
        cluster.start()


def test_a_lock_that_is_not_given_back_is_named(tmp_path: Path) -> None:
    with file_lock(tmp_path / "x.lock"):
        with pytest.raises(SandboxError, match=r"x\.lock"):
            with file_lock(tmp_path / "x.lock", timeout_seconds=0.1):
                raise AssertionError("a lock was given twice")


def test_the_default_home_is_inside_the_repository_and_ignored() -> None:
    assert DEFAULT_HOME == ROOT / ".local"
    assert ".local/" in (ROOT / ".gitignore").read_text().split()


def test_a_wished_port_is_taken_when_it_is_free() -> None:
    wish = free_port()
    assert free_port(None, wish) == wish


DAEMON, NAMELESS = 1, 12345


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs every test as one already")
@pytest.mark.parametrize("user_id", [DAEMON, NAMELESS])
def test_an_ordinary_user_starts_it_without_root(home: Path, user_id: int) -> None:
    folder = home / "ordinary"
    folder.mkdir()
    os.chown(folder, user_id, user_id)
    if not _reaches(user_id, find_binaries() / "initdb"):
        pytest.skip("the repository lies where an ordinary user cannot look")

    def live_as_an_ordinary_user() -> None:
        os.setgroups([])
        os.setgid(user_id)
        os.setuid(user_id)
        cluster = Cluster(folder, throwaway=True).start()
        assert answer(cluster, "select 1") == 1
        cluster.stop()

    # A fork, not a new interpreter: the one that runs the tests may lie in root's own home.
    child = multiprocessing.get_context("fork").Process(target=live_as_an_ordinary_user)
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert (folder / "postgres").stat().st_uid == user_id


def _reaches(user_id: int, program: Path) -> bool:
    command = ["test", "-x", str(program)]
    user = {"user": user_id, "group": user_id, "extra_groups": []}
    return subprocess.run(command, check=False, **user).returncode == 0  # type: ignore[call-overload]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step down")
def test_root_steps_down_to_nobody_where_user_namespaces_are_forbidden(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.processes._can_unshare", lambda: False)
    cluster = Cluster(home, throwaway=True).start()
    assert cluster.data.stat().st_uid == 65534
    assert answer(cluster, "select 1") == 1
    cluster.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step down")
def test_a_home_that_nobody_cannot_reach_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.processes._can_unshare", lambda: False)
    home.chmod(0o700)
    with pytest.raises(SandboxError, match="BILLING_HOME"):
        Cluster(home, throwaway=True).start()
    home.chmod(0o755)
