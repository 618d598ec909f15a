"""Alerts reach a mail server and a webhook once, as a digest; metrics are OpenMetrics text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import pytest
from mailbox_server import mailbox, served

from connections.settings import Settings, load_settings
from orchestration.alerts import MOST_IN_A_DIGEST, Matter, digest, send, tell
from orchestration.command_error import CommandError
from orchestration.metrics import exposition, open_metrics
from orchestration.standing import QUERIES


@pytest.fixture
def posts() -> Iterator[tuple[str, list[Any]]]:
    """A webhook's receiver: its address, and what it was told."""
    got: list[Any] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with served(HTTPServer(("127.0.0.1", 0), Receiver)) as port:
        yield f"http://127.0.0.1:{port}/secret", got


@pytest.fixture
def mails() -> Iterator[tuple[str, list[str]]]:
    with mailbox() as box:
        yield box


def _settings(tmp_path: Path, dsn: str, **more: str) -> Settings:
    return load_settings(billing_home=tmp_path, warehouse_dsn=dsn, **more)


def _failed_run(instance: dg.DagsterInstance) -> None:
    @dg.op
    def fail() -> None:
        raise dg.Failure("Odoo is away")

    @dg.job(name="night")
    def night() -> None:
        fail()

    night.execute_in_process(instance=instance, raise_on_error=False)


def test_a_matter_is_told_once_to_mail_and_webhook(
    tmp_path: Path,
    warehouse_dsn: str,
    posts: tuple[str, list[Any]],
    mails: tuple[str, list[str]],
) -> None:
    settings = _settings(
        tmp_path, warehouse_dsn, alert_webhook_url=posts[0], alert_smtp_host=mails[0],
        alert_to="operations@example.com",
    )  # fmt: skip
    with closing(psycopg2.connect(warehouse_dsn)) as conn, conn, conn.cursor() as cursor:
        cursor.execute(
            "insert into ops.load_runs (source, table_name, mode, status, finished_at)"
            " values ('nexacloud', 'invoices', 'full', 'succeeded', now() - interval '2 days')"
        )
    with dg.DagsterInstance.ephemeral() as instance:
        told, cursor_ = tell(settings, instance, None)
        assert told == 1
        _failed_run(instance)
        told, cursor_ = tell(settings, instance, cursor_)
        assert told == 1
        assert tell(settings, instance, cursor_) == (0, cursor_)
    assert len(posts[1]) == len(mails[1]) == 2
    assert "nexacloud was not loaded for 26 h" in posts[1][0]["text"]
    assert "night failed" in posts[1][1]["text"]
    assert "Subject: billing: 1 run failed" in mails[1][1]
    assert "To: operations@example.com" in mails[1][1]


def test_what_could_not_be_sent_is_told_again(tmp_path: Path, warehouse_dsn: str) -> None:
    settings = _settings(tmp_path, warehouse_dsn, alert_webhook_url="http://127.0.0.1:9/secret")
    with dg.DagsterInstance.ephemeral() as instance:
        _failed_run(instance)
        with pytest.raises(CommandError) as failed:
            tell(settings, instance, None)
    assert "secret" not in str(failed.value)


def test_nobody_is_told_unless_an_address_is_named(tmp_path: Path, warehouse_dsn: str) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        _failed_run(instance)
        assert tell(_settings(tmp_path, warehouse_dsn), instance, "[]") == (0, "[]")


def test_a_storm_is_one_digest(
    tmp_path: Path, warehouse_dsn: str, posts: tuple[str, list[Any]]
) -> None:
    matters = [Matter("run failed", str(n), f"run {n}") for n in range(MOST_IN_A_DIGEST + 12)]
    send(_settings(tmp_path, warehouse_dsn, alert_webhook_url=posts[0]), matters)
    [post] = posts[1]
    assert "and 12 more" in post["text"]
    assert digest(matters)[0] == f"billing: {len(matters)} run failed"


def test_metrics_of_an_empty_warehouse_are_whole(tmp_path: Path, warehouse_dsn: str) -> None:
    text = open_metrics(_settings(tmp_path, warehouse_dsn))
    assert text.endswith("# EOF\n")
    assert "# TYPE billing_build_passed gauge" in text


def test_figures_keep_their_digits_and_labels_are_escaped() -> None:
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in QUERIES}
    rows["unexplained"] = [{"service": 'a"b', "currency": "CAD", "amount": Decimal("0.10")}]
    rows["builds"] = [{"age_seconds": Decimal("61.5"), "is_last_passed": True}]
    text = exposition(rows)
    assert 'billing_unexplained_amount{service="a\\"b",currency="CAD"} 0.10\n' in text
    assert "billing_build_age_seconds 61.5\n" in text
    assert "billing_build_passed 1\n" in text
