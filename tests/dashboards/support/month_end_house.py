"""A company at its month end: a world of its own, the command line on it, the pages over it.

In: a folder, a browser. Out: answers of `billing` as a person gets them, pages as a person sees
them, and Odoo's own hands for what is done there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pages_world import APPROVERS, GROUPS_HEADER, ROOT, USER_HEADER, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

INHERITED = ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR")
DANA, ALEX = "Dana Roy", "Alex Kim"
PEOPLE = {DANA: "dana.roy@example.com", ALEX: "alex.kim@example.com"}
# How long a page may keep an answer, and a little.
KEPT_MS = 40_000


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class House:
    """`house("run")` runs a verb and wants it to end well; `house.page(...)` looks."""

    def __init__(self, home: Path, browser: Browser, settle: Callable[[Page], Page]) -> None:
        self.home, self._browser, self._settle = home, browser, settle
        self._environment = {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            "BILLING_HOME": str(home),
            "COLUMNS": "220",
            "DO_NOT_TRACK": "1",
            "SANDBOX_POSTGRES_PORT": _free_port(),
            "SANDBOX_ODOO_PORT": _free_port(),
        }
        self._server: Server | None = None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "orchestration", *arguments],
            cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=900,
            check=False,
        )  # fmt: skip

    def __call__(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def refused(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 1, done.stdout
        return done.stdout + done.stderr

    @contextmanager
    def looking(self, path: str, who: str = DANA) -> Iterator[Page]:
        """A page as this person sees it, at rest."""
        if self._server is None:
            people = {
                "DASHBOARD_TRUSTED_USER_HEADER": USER_HEADER,
                "DASHBOARD_TRUSTED_GROUPS_HEADER": GROUPS_HEADER,
                "DASHBOARD_APPROVER_GROUPS": APPROVERS,
            }
            self._server = Server(self.home, people).wait()
        headers = {USER_HEADER: PEOPLE[who], GROUPS_HEADER: APPROVERS}
        context = self._browser.new_context(
            viewport={"width": 1280, "height": 900}, extra_http_headers=headers
        )
        page = context.new_page()
        try:
            page.goto(f"{self._server.url}/{path}")
            yield self._settle(page)
        finally:
            context.close()

    def says(self, page: Page, text: str) -> None:
        """The page shows it, now or when what it keeps is too old."""
        for _ in range(KEPT_MS // 2_000):
            if page.get_by_text(text).count():
                return
            page.wait_for_timeout(2_000)
            page.reload()
            self._settle(page)
        raise AssertionError(f"{page.url} does not say {text}")

    def post_drafts(self) -> int:
        """What a person does in Odoo: select, Confirm."""
        port = self.odoo("admin")
        drafts = [("state", "=", "draft"), ("move_type", "in", ["out_invoice", "out_refund"])]
        ids = port.search("account.move", drafts)
        port.execute("account.move", "action_post", ids)
        return len(ids)

    def odoo(self, user: str) -> Any:
        from connections.odoo import OdooPort
        from connections.settings import load_settings
        from sandbox.standin import login_as

        known = load_settings(billing_home=self.home)
        named = {name: getattr(known, name) for name in type(known).model_fields}
        return OdooPort.connect(load_settings(**{**named, **login_as(user)}))

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
        self.run("down")
        shutil.rmtree(self.home, ignore_errors=True)


@contextmanager
def opened(browser: Browser, settle: Callable[[Page], Page]) -> Iterator[House]:
    home = Path(tempfile.mkdtemp(prefix="billing-month-end-"))
    home.chmod(0o755)  # where PostgreSQL must run as nobody, it has to reach its folder
    house = House(home, browser, settle)
    try:
        house("up")
        yield house
    finally:
        house.stop()


def credit_key(said: str) -> str:
    """The key of the line that a credit becomes, as the command line tells it."""
    found = re.search(r"billing approve ([0-9a-f]+)", said)
    assert found, said
    return found[1]
