"""Two targets for one contract: the stand-in always, a real Odoo 19 where one is named.

`make test-odoo` plays the same tests against the Odoo of ODOO_URL, ODOO_DB, ODOO_USER and
ODOO_PASSWORD (an administrator of a database that may be littered: ODOO_IS_DISPOSABLE=1).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from odoo_lab import Lab, Target

if TYPE_CHECKING:
    from sandbox.postgres import Cluster


_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Against a real Odoo, show what only a stand-in can be asked as skipped, not as nothing."""
    if config.option.markexpr != "odoo_real":
        return
    for item in items:
        is_ours = _HERE in item.path.parents
        if is_ours and item.get_closest_marker("odoo_real") is None and not _is_standins_twin(item):
            item.add_marker(pytest.mark.odoo_real)
            item.add_marker(
                pytest.mark.skip(reason="asks for the stand-in's own users or database")
            )


def _is_standins_twin(item: pytest.Item) -> bool:
    """The same test is there for the real Odoo."""
    call = getattr(item, "callspec", None)
    return call is not None and call.params.get("target") == "standin"


@pytest.fixture(scope="session")
def standin(cluster: Cluster) -> Iterator[Target]:
    """A stand-in in this process, as Community: the edition that was measured."""
    from sandbox.odoo_standin.server import running

    dsn = cluster.create_database("standin_contract")
    with running(dsn, community=True) as server:
        yield Target(server.url, "odoo", "admin", "admin", is_standin=True, dsn=dsn)


@pytest.fixture(
    scope="session", params=["standin", pytest.param("real", marks=pytest.mark.odoo_real)]
)
def target(request: pytest.FixtureRequest) -> Any:
    """The Odoo under test."""
    if request.param == "real":
        named = request.getfixturevalue("real_odoo")
        admin = named.admin
        return Target(named.url, named.db, admin["odoo_user"], admin["odoo_password"])
    return request.getfixturevalue("standin")


@pytest.fixture(scope="session")
def lab(target: Target) -> Lab:
    """Records that the tests work on, found or created by name."""
    return Lab(target)


@pytest.fixture(scope="session")
def standin_lab(standin: Target) -> Lab:
    """The same for what only the stand-in has: its users, its database."""
    return Lab(standin)
