"""Where this machine's Chromium is: PAGES_CHROMIUM, one on the PATH, or Playwright's own.

Run by itself it prints the path, or exits 1: `.ci/browser` asks so before it installs one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
MISSING = (
    "no Chromium for the tests of the pages: `.ci/browser` installs one (apt-get install chromium,"
    " or `.venv/bin/playwright install chromium`); PAGES_CHROMIUM names one that is elsewhere"
)

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_RUNNING: list[Any] = []


@contextmanager
def started() -> Iterator[Any]:
    """A browser, or a test that is skipped; PAGES_BROWSER=required fails it instead.

    Whoever asks while it runs gets the same one: Playwright starts once in a process.
    """
    if _RUNNING:
        yield _RUNNING[0]
        return
    import pytest
    from playwright.sync_api import sync_playwright

    chromium = find()
    if chromium is None:
        (pytest.fail if os.environ.get("PAGES_BROWSER") == "required" else pytest.skip)(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=FLAGS)
        _RUNNING.append(browser)
        try:
            yield browser
        finally:
            _RUNNING.clear()
            browser.close()


def find() -> Path | None:
    """A Chromium that starts, or None."""
    return next((Path(each) for each in _candidates() if each and _starts(each)), None)


def _candidates() -> Iterator[str | None]:
    named = os.environ.get("PAGES_CHROMIUM")
    if named:
        yield named
        return
    yield from map(shutil.which, NAMES)
    yield _playwrights_own()


def _playwrights_own() -> str | None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _starts(path: str) -> bool:
    """Ubuntu's /usr/bin/chromium-browser is there and says only that one should install a snap."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except OSError:
        return False
    return said.returncode == 0


if __name__ == "__main__":
    path = find()
    print(path or MISSING)
    sys.exit(0 if path else 1)
