"""What is wrong at a source is named, and how to fix it; exit code 1, and nothing changes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg2
import pytest

PASSWORD = "s3cr3t-never-shown"
NOBODY_LISTENS = "http://127.0.0.1:9"


class Sources:
    """Three sources in good order, as the environment names them, and `billing` beside them."""

    def __init__(self, settings: Any, owner_dsn: str, home: Path, run: Callable[..., Any]) -> None:
        self.settings, self.owner_dsn, self.home, self.run = settings, owner_dsn, home, run

    def billing(self, *arguments: str, **environment: str) -> Any:
        given = {
            "NEXACLOUD_DSN": self.settings.nexacloud_dsn,
            "WAREHOUSE_DSN": self.settings.warehouse_dsn,
            "ODOO_URL": self.settings.odoo_url,
            "ODOO_DB": self.settings.odoo_db,
            "ODOO_USER": self.settings.odoo_user,
            "ODOO_PASSWORD": self.settings.odoo_password.get_secret_value(),
            "BILLING_AS_OF": self.settings.as_of.isoformat(),
        }
        return self.run(self.home, *arguments, **{**given, **environment})

    def change_nexacloud(self, statement: str) -> None:
        with closing(psycopg2.connect(self.owner_dsn)) as conn, conn, conn.cursor() as cursor:
            cursor.execute(statement)

    def raw_rows(self) -> dict[str, int]:
        """Rows of every raw table: what a refused load must leave as it was."""
        with (
            closing(psycopg2.connect(self.settings.warehouse_dsn)) as conn,
            conn.cursor() as cursor,
        ):
            cursor.execute(
                "select schemaname || '.' || tablename from pg_tables where schemaname like 'raw_%'"
            )
            names = [name for (name,) in cursor.fetchall()]
            rows = {}
            for name in names:
                cursor.execute(f"select count(*) from {name}")
                rows[name] = cursor.fetchone()[0]  # type: ignore[index]
        return rows


@pytest.fixture
def sources(
    settings: Any, nexacloud_owner_dsn: str, parsed_home: Path, billing_at: Callable[..., Any]
) -> Sources:
    return Sources(settings, nexacloud_owner_dsn, parsed_home, billing_at)


@pytest.fixture
def odoo_18() -> Iterator[str]:
    """A server that says it is Odoo 18, and nothing else."""

    class Eighteen(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            result = {"server_version": "18.0", "server_version_info": [18, 0, 0, "final", 0, ""]}
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Eighteen)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def _assert_named(answer: Any, *words: str) -> None:
    said = answer.stdout + answer.stderr
    assert answer.code == 1, said
    assert "Traceback" not in said
    for word in words:
        assert word in said, said


SOURCE_FAULTS = {
    "a missing column": ("alter table invoices drop column total", ("invoices", "total")),
    "a retyped column": (
        "alter table plans alter column price type text",
        ("plans", "price", "numeric", "text"),
    ),
    "a missing table": ("drop table invoice_items", ("invoice_items",)),
    "a revoked grant": (
        "revoke select on usage_records from odoo_billing_ro",
        ("usage_records", "grant"),
    ),
}


@pytest.mark.parametrize("fault", SOURCE_FAULTS)
def test_a_fault_of_nexacloud_is_named_and_nothing_is_loaded(sources: Sources, fault: str) -> None:
    statement, words = SOURCE_FAULTS[fault]
    sources.change_nexacloud(statement)
    _assert_named(sources.billing("check"), *words)
    _assert_named(sources.billing("load"), *words)
    assert set(sources.raw_rows().values()) == {0}


def test_a_wrong_password_is_named_and_never_shown(sources: Sources) -> None:
    for verb in ("check", "load"):
        answer = sources.billing(verb, ODOO_PASSWORD=PASSWORD)
        _assert_named(answer, "ODOO_PASSWORD")
        assert PASSWORD not in answer.stdout + answer.stderr
    assert set(sources.raw_rows().values()) == {0}


def test_another_version_of_odoo_is_refused(sources: Sources, odoo_18: str) -> None:
    for verb in ("check", "load"):
        _assert_named(sources.billing(verb, ODOO_URL=odoo_18), "18.0", "19")
    assert set(sources.raw_rows().values()) == {0}


def test_an_odoo_that_nobody_runs_is_named(sources: Sources) -> None:
    for verb in ("check", "load"):
        answer = sources.billing(verb, ODOO_URL=NOBODY_LISTENS, ODOO_ATTEMPTS="1")
        _assert_named(answer, "127.0.0.1:9", "ODOO_URL")
    assert set(sources.raw_rows().values()) == {0}


def test_a_run_through_dagster_says_the_same_and_keeps_what_was_loaded(sources: Sources) -> None:
    """A good load, then a bad source: the run fails with the sentence, and the copies stay."""
    loaded = sources.billing("load", "--json")
    assert loaded.code == 0, loaded.stderr
    before = sources.raw_rows()
    sources.change_nexacloud("alter table invoices drop column total")
    answer = sources.billing("run", "--json")
    _assert_named(answer, "invoices", "total")
    assert answer.json["succeeded"] is False
    assert "total" in answer.json["failures"][0]
    assert sources.raw_rows() == before


def test_a_warehouse_that_is_not_built_yet_says_so(sources: Sources) -> None:
    for verb in ("reconcile", "lines", "readiness"):
        _assert_named(sources.billing(verb), "billing run")


def test_what_a_community_odoo_lacks_is_said_and_the_load_goes_well(
    sources: Sources, odoo_community: Any
) -> None:
    community = {"ODOO_URL": odoo_community.url, "ODOO_DB": odoo_community.db}
    answer = sources.billing("load", "--json", **community)
    assert answer.code == 0, answer.stderr
    assert "sale.order lacks is_subscription, plan_id" in answer.stderr
    assert "fusion.billing.charge is not installed" in answer.stderr
    assert {table["table"] for table in answer.json} >= {"users", "account_tax"}


def test_rejected_rows_are_said_with_their_reason(sources: Sources) -> None:
    sources.change_nexacloud(
        "update usage_records set quantity = -1 where id = (select min(id) from usage_records)"
    )
    answer = sources.billing("load", "--only", "nexacloud")
    assert answer.code == 0, answer.stderr
    assert "1 row breaks the contract: quantity is negative (1, such as" in " ".join(
        answer.stderr.split()
    )


def test_a_dry_run_does_not_even_migrate(sources: Sources) -> None:
    schemas = "select count(*) from pg_namespace where nspname in ('ops', 'raw_nexacloud')"
    administrator = sources.settings.warehouse_dsn.replace("//fusion_billing@", "//postgres@")
    with closing(psycopg2.connect(administrator)) as conn, conn.cursor() as cursor:
        conn.autocommit = True
        cursor.execute("drop schema if exists ops, raw_nexacloud cascade")
        _assert_named(sources.billing("load", "--dry-run"), "billing migrate")
        cursor.execute(schemas)
        assert cursor.fetchone() == (0,)
    assert sources.billing("load", "--only", "nexacloud").code == 0
