"""`billing demo --odoo`: the whole demo at an Odoo that somebody else runs, and only if meant."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connections.odoo import OdooPort
from connections.settings import load_settings

MAY_DOCUMENTS = ["50.00", "82.28", "112.74", "120.00", "200.00", "255.27"]


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="billing-demo-"))
    folder.chmod(0o755)  # where PostgreSQL must run as nobody, it has to reach its folder
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def named(odoo_community: Any) -> dict[str, str]:
    """An Odoo Community that nobody imported anything into, as the environment names it."""
    return {
        "ODOO_URL": odoo_community.url,
        "ODOO_DB": odoo_community.db,
        "ODOO_USER": "admin",
        "ODOO_PASSWORD": "admin",
    }


def _moves(named: dict[str, str]) -> list[dict[str, Any]]:
    port = OdooPort.connect(load_settings(**{name.lower(): text for name, text in named.items()}))
    fields = ["state", "amount_untaxed"]
    return port.search_read("account.move", [("move_type", "=", "out_invoice")], fields)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "add --yes"),
        ({"ODOO_URL": "", "ODOO_DB": "", "ODOO_USER": "", "ODOO_PASSWORD": ""}, "set ODOO_URL"),
        ({"WAREHOUSE_DSN": "postgresql://nobody@127.0.0.1:9/x"}, "WAREHOUSE_DSN is set"),
        ({"NEXACLOUD_DSN": "postgresql://nobody@127.0.0.1:9/x"}, "NEXACLOUD_DSN is set"),
    ],
)
def test_it_says_what_it_would_write_and_stops(
    billing_at: Callable[..., Any],
    home: Path,
    named: dict[str, str],
    more: dict[str, str],
    said: str,
) -> None:
    arguments = ["--yes"] if more else []
    answer = billing_at(home, "demo", "--odoo", *arguments, **named | more)
    assert answer.code == 1
    assert said in " ".join(answer.stderr.split())
    assert list(home.iterdir()) == []
    assert _moves(named) == []


def test_the_whole_demo_runs_at_an_odoo_that_is_named(
    billing_at: Callable[..., Any], home: Path, named: dict[str, str]
) -> None:
    ports = {"SANDBOX_POSTGRES_PORT": "55521", "SANDBOX_ODOO_PORT": "18521"}
    answer = billing_at(home, "demo", "--odoo", "--yes", **named | ports)
    [own] = home.glob("demo-*")
    billing_at(own, "down")
    assert answer.code == 0, answer.stdout + answer.stderr
    assert f"writes to database {named['ODOO_DB']} at {named['ODOO_URL']}" in answer.stdout
    assert "4 explained, 2 match" in answer.stdout
    assert "second pass: 0 created, 0 changed, 6 as they were" in answer.stdout
    moves = _moves(named)
    assert {move["state"] for move in moves} == {"draft"}
    amounts = sorted((f"{move['amount_untaxed']:.2f}" for move in moves), key=float)
    assert amounts == MAY_DOCUMENTS
