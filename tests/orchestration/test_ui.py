"""Dagster's pages: they start on loopback, and list the assets with their keys and groups."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 240
QUERY = "{ assetNodes { assetKey { path } groupName description } }"


@pytest.fixture(scope="module")
def pages(parsed_home: Path) -> Iterator[str]:
    from orchestration.instance import dagster_home

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port)),
            *("-m", "orchestration.definitions"),
        ],
        cwd=REPOSITORY,
        env={
            **kept,
            "BILLING_HOME": str(parsed_home),
            "DAGSTER_HOME": str(dagster_home(parsed_home)),
            "DO_NOT_TRACK": "1",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield f"http://127.0.0.1:{port}"
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(timeout=60)


def _ask(pages: str, query: str) -> Any:
    request = urllib.request.Request(
        f"{pages}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]


def _wait_for_assets(pages: str) -> list[dict[str, Any]]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            nodes: list[dict[str, Any]] = _ask(pages, QUERY)["assetNodes"]
        except (urllib.error.URLError, ConnectionError, KeyError, TypeError):
            nodes = []
        if nodes:
            return nodes
        time.sleep(0.5)
    raise AssertionError(f"no assets in the UI after {START_SECONDS} s")


def test_the_pages_list_every_asset_in_its_domain(pages: str) -> None:
    nodes = {"/".join(node["assetKey"]["path"]): node for node in _wait_for_assets(pages)}
    assert nodes["marts/fct_reconciliation"]["groupName"] == "reconciliation"
    assert nodes["raw_nexacloud/usage_records"]["groupName"] == "sources"
    assert nodes["odoo/draft_invoices"]["groupName"] == "publishing"
    assert all(node["description"] for node in nodes.values())
