"""The whole job, end to end, once: then every verb's answer is read from the world that it left."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
APRIL, MAY = "2026-04-01T04:00:00+00:00", "2026-05-01T04:00:00+00:00"
EXPLAINED = [("10.00", "9.17", "0.83")] * 2 + [("13.33", "9.17", "4.16")] * 2
MATCHED = [("120.00", "120.00", "0.00"), ("98.30", "98.30", "0.00")]
# What the six owe for May, net of tax, worked out by hand from the sample's usage and prices.
MAY_DOCUMENTS = ["112.74", "120.00", "200.00", "255.27", "50.00", "82.28"]
MAY_LINES = 9
RECONCILIATION_KEYS = {
    *("service", "external_subscription_id", "period_start", "period_end", "currency"),
    *("list_amount", "expected_amount", "actual_amount", "billed_amount", "delta_amount"),
    *("status", "unexplained_amount", "causes"),
}
LINE_KEYS = {
    *("line_key", "content_hash", "service", "external_subscription_id", "period_start"),
    *("period_end", "kind", "metric", "quantity", "included_quantity", "billable_quantity"),
    *("exact_amount", "amount", "currency", "price_source", "approved", "published"),
}
LOAD_KEYS = {"table", "read", "created", "updated", "unchanged", "rejected", "deleted", "seconds"}


class Demo:
    """A home in which `billing demo` ran, what it said, and `billing` on it."""

    def __init__(self, home: Path, run: Callable[..., Any]) -> None:
        self.home, self._run = home, run
        self.answer = self("demo", SANDBOX_POSTGRES_PORT="55501", SANDBOX_ODOO_PORT="18501")

    def __call__(self, *arguments: str, **environment: str) -> Any:
        return self._run(self.home, *arguments, **environment)

    def json(self, *arguments: str) -> Any:
        answer = self(*arguments, "--json")
        assert answer.code == 0, answer.stderr
        return answer.json

    @property
    def settings(self) -> Any:
        from connections.settings import load_settings

        return load_settings(billing_home=self.home)


@pytest.fixture(scope="module")
def demo(billing_at: Callable[..., Any]) -> Iterator[Demo]:
    home = Path(tempfile.mkdtemp(prefix="billing-demo-"))
    home.chmod(0o755)  # where PostgreSQL must run as nobody, it has to reach its folder
    ran = Demo(home, billing_at)
    yield ran
    ran("down")
    shutil.rmtree(home, ignore_errors=True)


def test_the_demo_ends_well_and_nothing_happens_twice(demo: Demo) -> None:
    said = demo.answer.stdout
    assert demo.answer.code == 0, said + demo.answer.stderr
    assert "4 explained, 2 match" in said
    assert "second pass: 0 created, 0 changed, 6 as they were" in said
    assert "All is well" in said


def test_april_is_reconciled_to_the_cent(demo: Demo) -> None:
    answer = demo.json("reconcile", "--period", "2026-04")
    rows = answer["rows"]
    found = [(r["expected_amount"], r["actual_amount"], r["delta_amount"]) for r in rows]
    assert sorted(found) == sorted(EXPLAINED + MATCHED)
    assert {row["period_start"] for row in rows} == {APRIL}
    assert {row["period_end"] for row in rows} == {MAY}
    assert {row["unexplained_amount"] for row in rows} == {"0.00"}
    for row in rows:
        if row["status"] == "explained":
            (cause,) = row["causes"]
            assert cause["cause"] == "proration"
            assert cause["amount"] == row["delta_amount"]
            assert cause["evidence"]
        else:
            assert (row["status"], row["causes"]) == ("match", [])
    assert answer["summary"]["by_status"] == {"explained": 4, "match": 2}


def test_invoices_without_a_subscription_are_a_stream_of_their_own(demo: Demo) -> None:
    one_offs = demo.json("reconcile", "--period", "2026-04")["one_offs"]
    assert sorted(each["amount"] for each in one_offs) == ["32.20", "872.66", "877.99"]
    assert all(each["number"] and each["currency"] == "CAD" for each in one_offs)


def test_the_machine_s_rows_keep_their_shape(demo: Demo) -> None:
    assert set(demo.json("reconcile")["rows"][0]) >= RECONCILIATION_KEYS
    assert set(demo.json("lines")[0]) >= LINE_KEYS
    assert set(demo.json("load")[0]) >= LOAD_KEYS


def test_may_is_billed_and_its_lines_add_up(demo: Demo) -> None:
    lines = demo.json("lines", "--period", "2026-05")
    assert len(lines) == MAY_LINES
    assert all(line["approved"] is True and line["published"] is True for line in lines)
    by_subscription: dict[str, Decimal] = {}
    for line in lines:
        assert line["amount"] == f"{Decimal(line['amount']):.2f}"
        key = line["external_subscription_id"]
        by_subscription[key] = by_subscription.get(key, Decimal(0)) + Decimal(line["amount"])
    assert sorted(map(str, by_subscription.values())) == sorted(MAY_DOCUMENTS)


def test_odoo_holds_the_drafts_with_the_warehouse_s_totals(demo: Demo) -> None:
    from connections.odoo import OdooPort

    port = OdooPort.connect(demo.settings)
    moves = port.search_read(
        "account.move", [("move_type", "=", "out_invoice")], ["state", "amount_untaxed"]
    )
    assert {move["state"] for move in moves} == {"draft"}
    assert sorted(f"{move['amount_untaxed']:.2f}" for move in moves) == sorted(MAY_DOCUMENTS)


def test_billed_is_expected_in_may(demo: Demo) -> None:
    rows = demo.json("reconcile", "--period", "2026-05")["rows"]
    assert {row["status"] for row in rows} == {"match"}
    assert sorted(row["billed_amount"] for row in rows) == sorted(MAY_DOCUMENTS)


def test_nothing_is_left_to_publish(demo: Demo) -> None:
    answer = demo.json("publish")
    assert (answer["dry_run"], answer["created"], answer["documents"]) == (True, 0, [])
    answer = demo.json("publish", "--go")
    assert (answer["dry_run"], answer["created"], answer["unchanged"]) == (False, 0, 6)
    assert (answer["failed"], answer["quarantined"]) == (0, 0)


def test_a_load_with_nothing_new_changes_nothing(demo: Demo) -> None:
    for table in demo.json("load"):
        changed = {name: table[name] for name in ("created", "updated", "deleted", "rejected")}
        assert set(changed.values()) == {0}, table


def test_a_line_tells_its_story(demo: Demo) -> None:
    usage = [line for line in demo.json("lines", "--period", "2026-05") if line["kind"] == "usage"]
    story = demo.json("explain", usage[0]["line_key"][:10])
    assert story["line_key"] == usage[0]["line_key"]
    assert story["amount"] == usage[0]["amount"]
    assert demo("explain", usage[0]["line_key"][:10]).code == 0


def test_no_line_no_story(demo: Demo) -> None:
    answer = demo("explain", "zz")
    assert answer.code == 1
    assert "no line begins with zz" in answer.stderr


def test_a_month_without_data_says_which_months_have_some(demo: Demo) -> None:
    answer = demo("reconcile", "--period", "2031-01")
    assert answer.code == 1
    assert "nothing of 2031-01 matches: there are periods that begin from 2026-0" in answer.stderr


def test_the_beginning_of_a_subscription_s_id_is_enough_where_it_is_one(demo: Demo) -> None:
    whole = {row["external_subscription_id"] for row in demo.json("reconcile")["rows"]}
    for name in whole:
        rows = demo.json("reconcile", "--subscription", name[:8])["rows"]
        assert {row["external_subscription_id"] for row in rows} == {name}
    for verb in (("reconcile",), ("lines",), ("approve", "--all", "--by", "Dana Roy")):
        answer = demo(*verb, "--subscription", "0")
        assert answer.code == 1
        assert "10 subscriptions begin with 0" in answer.stderr


def test_what_ran_is_in_dagster(demo: Demo) -> None:
    import dagster as dg

    from orchestration.instance import open_instance

    with open_instance(demo.home) as instance:
        runs = instance.get_runs()
        assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
        assert {"refresh", "publish"} <= {run.job_name for run in runs}
        drafts = instance.get_latest_materialization_event(dg.AssetKey(["odoo", "draft_invoices"]))
        assert drafts is not None


def test_the_readiness_names_who_decided(demo: Demo) -> None:
    rows = demo.json("readiness")["rows"]
    assert sum(row["is_ready"] for row in rows) >= 6


def test_decisions_want_a_name(demo: Demo) -> None:
    assert demo("readiness", "--open", "ready", "--from", "2026-05").code == 2
    assert (
        demo("readiness", "--open", "nobody", "--from", "2026-05", "--by", "A", "--why", "b").code
        == 1
    )


def test_no_amount_in_the_warehouse_is_a_float(demo: Demo) -> None:
    from connections.postgres import warehouse

    with warehouse(demo.settings) as conn, conn.cursor() as cursor:
        cursor.execute(
            """
            select table_schema || '.' || table_name || '.' || column_name
            from information_schema.columns
            where data_type in ('double precision', 'real')
                and table_schema not in ('pg_catalog', 'information_schema')
            """
        )
        assert cursor.fetchall() == []


def test_two_publish_runs_at_once_make_each_draft_once(demo: Demo) -> None:
    """The drafts are deleted in Odoo and released by a person; then two runs want them again."""
    from connections.odoo import OdooPort

    admin = OdooPort.connect(
        demo.settings.model_copy(update={"odoo_user": "admin", "odoo_password": _secret("admin")})
    )
    before = admin.search("account.move", [("move_type", "=", "out_invoice")])
    admin.execute("account.move", "unlink", before)
    for key in _document_keys(demo):
        released = demo("release", key, "--by", "Dana Roy", "--why", "deleted for a test")
        assert released.code == 0, released.stderr
    racers = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "orchestration", "publish", "--go", "--json"],
            cwd=REPOSITORY,
            env=_environment(demo.home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [racer.communicate(timeout=600) for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0], said
    after = admin.search_read(
        "account.move", [("move_type", "=", "out_invoice")], ["amount_untaxed", "state"]
    )
    assert sorted(f"{move['amount_untaxed']:.2f}" for move in after) == sorted(MAY_DOCUMENTS)
    assert {move["state"] for move in after} == {"draft"}


def _secret(text: str) -> Any:
    from pydantic import SecretStr

    return SecretStr(text)


def _document_keys(demo: Demo) -> list[str]:
    return sorted({line["document_key"] for line in demo.json("lines", "--period", "2026-05")})


def _environment(home: Path) -> dict[str, str]:
    import os

    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return {**kept, "BILLING_HOME": str(home), "DO_NOT_TRACK": "1"}


def test_an_auditor_is_answered_by_every_side(demo: Demo, tmp_path: Path) -> None:
    heads = str(tmp_path / "heads.jsonl")
    answer = demo.json("audit", "--rate-again", "--heads", heads, "--keep-heads")
    assert answer["is_ok"] is True
    names = ["chains", "approvals", "totals", "marts", "odoo", "rating"]
    assert [section["name"] for section in answer["sections"]] == names
    assert [section["findings"] for section in answer["sections"]] == [[]] * len(names)
    assert demo("audit", "--without-odoo", "--heads", heads).code == 0


def test_by_the_second_all_six_would_match_and_nothing_is_changed(demo: Demo) -> None:
    policy = "nexacloud.proration=second"
    answer = demo.json("what-if", "--policy", policy, "--period", "2026-04")
    assert answer["what_if"]["summary"]["by_status"] == {"match": 6}
    assert answer["today"]["summary"]["by_status"] == {"explained": 4, "match": 2}
    today = demo.json("reconcile", "--period", "2026-04")
    assert today["summary"]["by_status"] == {"explained": 4, "match": 2}


PRICE_BOOK = """\
service,plan_code,charge_model,currency,base_fee
nexacloud,odoo-large-tor,per_unit,CAD,150
"""


def test_a_proposed_price_book_tells_each_customer_s_difference(demo: Demo, tmp_path: Path) -> None:
    book = tmp_path / "book.csv"
    book.write_text(PRICE_BOOK)
    answer = demo.json("what-if", str(book), "--period", "2026-05")
    changed = [row for row in answer["customers"] if row["difference"] != "0.00"]
    assert [(row["customer_name"], row["today"], row["what_if"]) for row in changed] == [
        ("Maple Dental Group", "120.00", "150.00")
    ]
    assert len(answer["customers"]) > 1
    assert demo.json("reconcile", "--period", "2026-05")["rows"] == answer["today"]["rows"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("service,plan_code\n", "line 1, currency: this column is missing"),
        (PRICE_BOOK.replace("base_fee", "price"), "line 1, price: there is no such column"),
        (PRICE_BOOK.replace("150", "a lot"), 'line 2, base_fee "a lot": is no number'),
        (PRICE_BOOK.replace("per_unit", "per_moon"), 'line 2, charge_model "per_moon"'),
        (PRICE_BOOK.replace("large", "lagre"), "write odoo-large-tor"),
    ],
)
def test_a_price_book_s_faults_are_named(demo: Demo, tmp_path: Path, text: str, said: str) -> None:
    book = tmp_path / "book.csv"
    book.write_text(text)
    answer = demo("what-if", str(book))
    assert answer.code == 1
    assert said in answer.stderr


def test_a_build_by_other_rules_makes_what_is_kept_anew_and_leaves_history_alone(
    demo: Demo,
) -> None:
    from connections.postgres import warehouse
    from orchestration import dbt, rules

    today = rules.fingerprint(dbt.manifest(demo.settings))
    assert rules.remembered(demo.settings) == today
    history = "select id, _version, _valid_from from snapshots.nexacloud_plans order by 1, 2"
    kept = (
        "select subscription_id, metric, slice_on, unique_value, summed_quantity"
        " from intermediate.int_usage_by_slice order by 1, 2, 3, 4"
    )
    with warehouse(demo.settings) as conn, conn.cursor() as cursor:
        cursor.execute(history)
        versions = cursor.fetchall()
        cursor.execute(kept)
        sums = cursor.fetchall()
        cursor.execute(
            "update intermediate.int_usage_by_slice set summed_quantity = summed_quantity + 1"
        )
    rules.remember(demo.settings, "of yesterday")
    assert demo("run").code == 0
    assert rules.remembered(demo.settings) == today
    with warehouse(demo.settings) as conn, conn.cursor() as cursor:
        cursor.execute(kept)
        assert cursor.fetchall() == sums
        cursor.execute(history)
        assert cursor.fetchall() == versions
