"""The pages in a real browser over a real warehouse; one world and one browser a session.

PAGES_BROWSER=required fails where there is no Chromium instead of skipping; PAGES_SCREENSHOTS=1
writes docs/screenshots anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))
from chromium import started
from pages_world import (
    APPROVERS,
    GROUPS_HEADER,
    OWNER,
    USER_HEADER,
    Server,
    World,
    decided,
    emptied,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from sandbox.postgres import Cluster

Open = Callable[..., "Page"]


@pytest.fixture(scope="session")
def world(
    cluster: Cluster,
    _nexacloud_template: str,
    _warehouse_template: str,
    built_sample: Any,
    _odoo_templates: Callable[[bool], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """The sample, built; April accepted, gates open from May on, nothing approved yet."""
    from recon_world import TEMPLATE

    from connections.settings import load_settings
    from sandbox.nexacloud import OWNER as NEXACLOUD_OWNER
    from sandbox.nexacloud import READER
    from sandbox.rows import AS_OF
    from sandbox.standin import start_standin

    for role in ("finance_reader", "finance_approver"):
        cluster.ensure_role(role)
    home, name = tmp_path_factory.mktemp("pages"), "pages_world"
    cluster.create_database(name, template=TEMPLATE, owner=OWNER)
    cluster.create_database("pages_unbuilt", template=_warehouse_template, owner=OWNER)
    cluster.create_database("pages_nexacloud", template=_nexacloud_template, owner=NEXACLOUD_OWNER)
    odoo_dsn = cluster.create_database("pages_odoo", template=_odoo_templates(False), owner="odoo")
    odoo = start_standin(cluster.home / "pages-odoo", odoo_dsn.replace("//postgres@", "//odoo@"))
    settings = load_settings(
        billing_home=home,
        billing_as_of=AS_OF,
        nexacloud_dsn=cluster.dsn("pages_nexacloud", user=READER),
        warehouse_dsn=cluster.dsn(name, user=OWNER),
        dashboard_reader_dsn=cluster.dsn(name, user="finance_reader"),
        dashboard_approver_dsn=cluster.dsn(name, user="finance_approver"),
        odoo_url=odoo.url,
        odoo_db=odoo.db,
        **odoo.login,
    )
    try:
        built = decided(settings, cluster, name)
        emptied(cluster, name, "pages_empty")
        yield built
    finally:
        odoo.stop()


def _environment(world: World, database: str, *, knows_people: bool) -> dict[str, str]:
    cluster = world.cluster
    people = {
        "DASHBOARD_TRUSTED_USER_HEADER": USER_HEADER,
        "DASHBOARD_TRUSTED_GROUPS_HEADER": GROUPS_HEADER,
        "DASHBOARD_APPROVER_GROUPS": APPROVERS,
    }
    return {
        "WAREHOUSE_DSN": cluster.dsn(database, user=OWNER),
        "DASHBOARD_READER_DSN": cluster.dsn(database, user="finance_reader"),
        "DASHBOARD_APPROVER_DSN": cluster.dsn(database, user="finance_approver"),
        "ODOO_URL": world.settings.odoo_url,
        "BILLING_AS_OF": world.settings.as_of.isoformat(),
        **(people if knows_people else {}),
    }


@pytest.fixture(scope="session")
def servers(
    browser: Browser, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Server]]:
    """The pages over the sample; over a warehouse with nothing in it; over one that is not built.

    Only the first knows who looks.
    """
    started = {
        name: Server(
            tmp_path_factory.mktemp(name),
            _environment(world, f"pages_{name}", knows_people=name == "world"),
        )
        for name in ("world", "empty", "unbuilt")
    }
    try:
        yield {name: server.wait() for name, server in started.items()}
    finally:
        for server in started.values():
            server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with started() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser, servers: dict[str, Server]) -> Iterator[Open]:
    """`open_page("approvals", user="dana@example.com", groups=APPROVERS)` -> a rendered page.

    Every request is watched: one that leaves this machine fails the test at its end.
    """
    contexts: list[Any] = []
    strays: list[str] = []

    def watch(request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            strays.append(request.url)

    def go(
        path: str,
        server: str = "world",
        user: str = "dana.roy@example.com",
        groups: str = "",
        width: int = 1280,
        scheme: str = "light",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            extra_http_headers={USER_HEADER: user, GROUPS_HEADER: groups},
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", watch)
        page.goto(f"{servers[server].url}/{path}")
        return settled(page)

    yield go
    for context in contexts:
        context.close()
    assert strays == []


# The browser draws a moment after the script has ended: at rest means so for half a second.
AT_REST = """
() => {
    const isAtRest = document.querySelector('.stApp[data-test-script-state=notRunning]')
        && !document.querySelector('[data-stale=true]');
    if (!isAtRest) { window.restingSince = undefined; return false; }
    window.restingSince ??= performance.now();
    return performance.now() - window.restingSince > 500;
}
"""


def settled(page: Page) -> Page:
    """Wait until the script has run to its end and nothing on the page is of an older run."""
    page.wait_for_selector("h1", state="attached", timeout=60_000)
    page.wait_for_function(AT_REST, timeout=60_000)
    return page


@pytest.fixture(scope="session")
def wait_until_settled() -> Callable[[Any], Any]:
    return settled
