"""Fixtures for all rooms: a real PostgreSQL, the sample NexaCloud, a warehouse, an Odoo stand-in.

Everything is lazy: a test that asks for nothing starts nothing. One cluster serves the session; a
fresh database is a clone of a template and costs a few hundredths of a second. Other rooms are
imported inside fixtures, so that one broken room does not take the tests of the others with it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg2
import pytest

sys.path.insert(0, str(Path(__file__).parent / "guard"))
import loopback_only
import odoo_people
import people
import workers

if TYPE_CHECKING:
    from sandbox.postgres import Cluster
    from sandbox.standin import Standin

Database = Callable[..., str]

# What a developer's shell may hold, and no test may follow.
_OUR_VARIABLES = ("WAREHOUSE_", "NEXACLOUD_", "ODOO_", "BILLING_", "SANDBOX_", "DBT_", "PG")
_REAL_ODOO = ("ODOO_URL", "ODOO_DB", "ODOO_USER", "ODOO_PASSWORD")
_HOME_PREFIX = "billing-test-"
_TABLES = pytest.StashKey[list[tuple[str, str]]]()
APIS = ("jsonrpc", "json2")
_ONLY_BY_NAME = ("soak", "odoo_real")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=50, help="random schedules to play (50)")
    parser.addoption("--odoo-api", choices=APIS, help="one protocol for all that talks to Odoo")
    parser.addoption("--quick", action="store_true", help="only what starts no world")
    parser.addoption("--models", help="with --quick: unit tests of these models (a,b) too, or all")
    parser.addoption("--shrink", type=int, help="a company of the rating machine, told shortly")


def pytest_configure(config: pytest.Config) -> None:
    """Guard the network, and forget the real systems that the environment names.

    Only `-m odoo_real` keeps the one Odoo, and may reach the host that ODOO_URL names.
    """
    is_real = config.option.markexpr == "odoo_real"
    host = urlsplit(os.environ.get("ODOO_URL", "")).hostname if is_real else None
    loopback_only.install(allowed=[host] if host else [])
    kept = (*_REAL_ODOO, "ODOO_API_KEYS", "ODOO_IS_DISPOSABLE") if is_real else ()
    for name in [name for name in os.environ if name.startswith(_OUR_VARIABLES)]:
        if name not in kept:
            del os.environ[name]
    if config.option.odoo_api:
        os.environ["ODOO_API"] = config.option.odoo_api
    os.environ["SOAK_SEEDS"] = str(config.getoption("--seeds"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play a test marked `both_apis` over each protocol, or over the one that was asked for."""
    if metafunc.definition.get_closest_marker("both_apis"):
        asked = metafunc.config.option.odoo_api
        metafunc.parametrize("odoo_api", [asked] if asked else APIS, indirect=True)


@pytest.fixture(autouse=True)
def odoo_api(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The protocol of the settings that are made from here on."""
    if hasattr(request, "param"):
        monkeypatch.setenv("ODOO_API", request.param)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what runs only when asked for by its mark."""
    if config.option.markexpr == "odoo_real":
        left_out = [item for item in items if item.get_closest_marker("soak")]
    elif config.option.markexpr:
        return
    else:
        left_out = [item for item in items if any(map(item.get_closest_marker, _ONLY_BY_NAME))]
    if config.option.quick:
        left_out += [item for item in items if not workers.is_quick(item, config.option.models)]
    gone = set(left_out)
    items[:] = [item for item in items if item not in gone]
    config.hook.pytest_deselected(items=left_out)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: workers.rank_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return workers.scheduler(config, log)


@pytest.fixture(scope="session")
def show_table(pytestconfig: pytest.Config) -> Callable[[str, str], None]:
    """Print a table under a title when all is over: for results that a person wants to read."""

    def show(title: str, text: str) -> None:
        pytestconfig.stash.setdefault(_TABLES, []).append((title, text))

    return show


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that runs its share of the files hands its tables to the one with the terminal."""
    handed: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if handed is not None:
        handed["tables"] = session.config.stash.get(_TABLES, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    tables = (getattr(node, "workeroutput", None) or {}).get("tables", [])
    node.config.stash.setdefault(_TABLES, []).extend(map(tuple, tables))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for title, text in config.stash.get(_TABLES, []):
        terminalreporter.section(title)
        terminalreporter.write_line(text)


@pytest.fixture(autouse=True, scope="session")
def _only_loopback() -> Iterator[None]:
    """No test talks to anything but this machine; Python children inherit the guard."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", loopback_only.python_path())
        patch.setenv("DO_NOT_TRACK", "1")
        yield


def _sweep() -> None:
    """Remove the clusters of sessions that were killed before they could do so."""
    from sandbox.postgres import Cluster

    for owner in Path(tempfile.gettempdir()).glob(f"{_HOME_PREFIX}*/owner.pid"):
        try:
            os.kill(int(owner.read_text()), 0)
        except ProcessLookupError:
            Cluster(owner.parent).stop(immediate=True)
            shutil.rmtree(owner.parent, ignore_errors=True)
        except (OSError, ValueError):
            continue  # another user's, or being written this instant


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL of the session, in a home of its own; gone at the end."""
    from sandbox.postgres import Cluster

    _sweep()
    home = Path(tempfile.mkdtemp(prefix=_HOME_PREFIX))
    home.chmod(0o755)  # where PostgreSQL must run as nobody, it has to reach its folder
    (home / "owner.pid").write_text(str(os.getpid()))
    cluster = Cluster(home, throwaway=True).start()
    try:
        yield cluster
    finally:
        cluster.stop(immediate=True)
        shutil.rmtree(home, ignore_errors=True)


_numbers = count(1)


@pytest.fixture
def database(cluster: Cluster) -> Iterator[Database]:
    """Give fresh databases: `database(template=None, owner=None) -> DSN`; dropped afterwards.

    The DSN is the owner's, or the superuser's where no owner is named.
    """
    created: list[str] = []

    def create(template: str | None = None, owner: str | None = None) -> str:
        name = f"test_{next(_numbers)}"
        cluster.create_database(name, template=template, owner=owner)
        created.append(name)
        return cluster.dsn(name, user=owner or "postgres")

    yield create
    for name in created:
        cluster.drop_database(name)


def _template(cluster: Cluster, name: str, owner: str, fill: Callable[[str], None]) -> str:
    """Create a template database once, let `fill(superuser's DSN)` write to it, return its name."""
    cluster.ensure_role(owner)
    fill(cluster.create_database(name, owner=owner))
    return name


# ------------------------------------------------------------------------------------- NexaCloud


@pytest.fixture(scope="session")
def _nexacloud_template(cluster: Cluster) -> str:
    from sandbox import nexacloud
    from sandbox.sample import build_sample

    def fill(dsn: str) -> None:
        with closing(psycopg2.connect(dsn)) as connection, connection:
            nexacloud.create_tables(connection)
            nexacloud.fill(connection, build_sample())

    cluster.ensure_role(nexacloud.READER)
    return _template(cluster, "template_nexacloud", nexacloud.OWNER, fill)


@pytest.fixture
def nexacloud_owner_dsn(_nexacloud_template: str, database: Database) -> str:
    """The sample NexaCloud as its owner sees it: for tests that change the source."""
    return database(_nexacloud_template, "nexacloud")


@pytest.fixture
def nexacloud_dsn(nexacloud_owner_dsn: str) -> str:
    """The same database (one a test) as `odoo_billing_ro`, who may only read: what we are given."""
    return nexacloud_owner_dsn.replace("//nexacloud@", "//odoo_billing_ro@")


# ------------------------------------------------------------------------------------- warehouse


@pytest.fixture(scope="session")
def _warehouse_template(cluster: Cluster) -> str:
    def fill(dsn: str) -> None:
        if importlib.util.find_spec("publishers.migrate") is not None:
            from publishers import roles
            from publishers.migrate import upgrade

            for role in (*roles.ROLES, roles.AUDITOR):
                cluster.ensure_role(role)
            with closing(psycopg2.connect(dsn)) as connection:
                roles.separate(connection, "fusion_billing")
            upgrade(dsn)
            people.add(dsn)

    return _template(cluster, "template_warehouse", "fusion_billing", fill)


@pytest.fixture
def warehouse_dsn(_warehouse_template: str, database: Database) -> str:
    """A fresh warehouse with an empty, migrated schema `ops`, as `fusion_billing`.

    Who owns the database and its marts; ops is the owner's that nobody logs in as.
    """
    return database(_warehouse_template, "fusion_billing")


@pytest.fixture(scope="session")
def built_sample(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The sample, loaded and built, as rating_world.World; `recon_world.TEMPLATE` to be cloned.

    Made once for all rooms, since it takes longer than most tests.
    """
    for room in ("rating", "reconciliation"):
        sys.path.insert(0, str(Path(__file__).parent / room / "support"))
    from recon_world import make_sample

    return make_sample(cluster, tmp_path_factory.mktemp("built-sample"))


# ------------------------------------------------------------------------------------------ Odoo


@pytest.fixture(scope="session")
def _odoo_templates(cluster: Cluster) -> Callable[[bool], str]:
    """Seed each edition once, through the stand-in's own start."""
    from sandbox.standin import start_standin

    made: dict[bool, str] = {}

    def template(community: bool) -> str:
        if community not in made:
            name = "template_odoo_community" if community else "template_odoo"

            def fill(dsn: str) -> None:
                owner_dsn = dsn.replace("//postgres@", "//odoo@")
                start_standin(cluster.home / name, owner_dsn, community=community).stop()

            made[community] = _template(cluster, name, "odoo", fill)
        return made[community]

    return template


def _run_odoo(
    folder: Path, database: Database, template: str, *, community: bool
) -> Iterator[Standin]:
    """In a thread of this process: a start costs a tenth of what a process of its own costs."""
    from sandbox.odoo_standin.server import running
    from sandbox.standin import Standin

    dsn = database(template, "odoo")
    with running(dsn, community=community, init=False) as server:
        yield Standin(folder, dsn, server.port, os.getpid(), community)


@pytest.fixture
def odoo(
    tmp_path: Path, database: Database, _odoo_templates: Callable[[bool], str]
) -> Iterator[Standin]:
    """A running Odoo stand-in with the sample's seed in a database of its own.

    It has .url, .db, .user, .password, .dsn and .port.
    """
    yield from _run_odoo(tmp_path / "odoo", database, _odoo_templates(False), community=False)


@pytest.fixture
def odoo_community(
    tmp_path: Path, database: Database, _odoo_templates: Callable[[bool], str]
) -> Iterator[Standin]:
    """The same without the Enterprise fields and our custom module."""
    yield from _run_odoo(tmp_path / "odoo", database, _odoo_templates(True), community=True)


@pytest.fixture(scope="session")
def real_odoo() -> Iterator[odoo_people.RealOdoo]:
    """The real Odoo 19 that ODOO_* names, for `make test-odoo`; skipped where none is named."""
    if any(not os.environ.get(name) for name in _REAL_ODOO):
        pytest.skip("no real Odoo: set ODOO_URL, ODOO_DB, ODOO_USER and ODOO_PASSWORD")
    if os.environ.get("ODOO_IS_DISPOSABLE") != "1":
        pytest.skip("this writes and posts invoices: set ODOO_IS_DISPOSABLE=1 for a test database")
    # Nobody's settings may come from the environment: each user is named where he acts.
    named = (os.environ.pop(name) for name in _REAL_ODOO)
    yield from odoo_people.opened(*named, os.environ.pop("ODOO_API_KEYS", ""))


# -------------------------------------------------------------------------------------- settings


@pytest.fixture
def settings(
    tmp_path: Path, nexacloud_dsn: str, warehouse_dsn: str, odoo: Standin
) -> Any:  # connections.settings.Settings, which may not import when its room is broken
    """Settings for all three, as of the sample's day."""
    from connections.settings import load_settings
    from sandbox.rows import AS_OF

    return load_settings(
        billing_home=tmp_path / "home",
        nexacloud_dsn=nexacloud_dsn,
        warehouse_dsn=warehouse_dsn,
        odoo_url=odoo.url,
        odoo_db=odoo.db,
        **odoo.login,
        billing_as_of=AS_OF,
    )
