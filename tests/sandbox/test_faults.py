"""The generated world: its truth is told by its own rows, and by nothing but the seed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import closing
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path

import psycopg2
import pytest
from fault_reading import counted, invoices_of, items_of, months_of

from sandbox import faults
from sandbox.fault_world.causes import CAUSES, VARIANTS
from sandbox.fault_world.injection import cause_pairs
from sandbox.faults import World, build_world
from sandbox.rows import ZONE, Row

CENT = Decimal("0.01")
Key = tuple[str, object]


def test_equal_seeds_give_equal_worlds_and_others_do_not() -> None:
    def digest(seed: int) -> str:
        world = build_world(seed, subscriptions=60, months=3)
        rows = [world.before.tables(), world.after.tables(), world.truth]
        return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_a_world_without_a_history_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 3 months"):
        build_world(1, subscriptions=10, months=2)


def test_every_cause_every_variant_and_every_pair_is_there(world: World) -> None:
    single, pairs = Counter[tuple[str, str]](), Counter[tuple[str, ...]]()
    for row in world.truth:
        if row["kind"] == "single":
            single[(row["causes"][0]["cause"], row["causes"][0]["variant"])] += 1
        if row["kind"] == "pair":
            pairs[tuple(sorted(cause["cause"] for cause in row["causes"]))] += 1
    assert set(single) == {(cause, way) for cause in CAUSES for way in VARIANTS[cause]}
    assert set(pairs) == {tuple(sorted(pair)) for pair in cause_pairs()}
    assert Counter(row["kind"] for row in world.truth)["clean"] > len(world.truth) * 0.8


def test_at_most_one_month_of_a_subscription_is_wrong(world: World) -> None:
    wrong = [row["external_subscription_id"] for row in world.truth if row["kind"] != "clean"]
    assert len(wrong) == len(set(wrong))


def test_causes_and_the_unexplained_rest_add_up_to_every_delta(world: World) -> None:
    for row in world.truth:
        parts = sum((cause["amount"] for cause in row["causes"]), row["unexplained_amount"])
        assert row["delta_amount"] == row["expected_amount"] - row["actual_amount"] == parts
        assert (row["kind"] == "clean") == (parts == 0 and not row["causes"])
        assert all(cause["amount"] == cause["amount"].quantize(CENT) for cause in row["causes"])


def test_the_actual_amount_is_what_the_invoices_say(world: World) -> None:
    """Told again from the rows: counted invoices, each in the month that it overlaps most."""
    actual: dict[Key, Decimal] = defaultdict(Decimal)
    months = months_of(world)
    for invoice in counted(world.after):
        month = months[(invoice["period_start"], invoice["period_end"])]
        actual[(invoice["subscription_id"], month)] += invoice["subtotal"]
    told = {(row["external_subscription_id"], row["period_start"]): row for row in world.truth}
    assert set(actual) <= set(told)
    for key, row in told.items():
        assert actual.get(key, Decimal(0)) == row["actual_amount"], row


def test_an_invoice_is_the_sum_of_its_items_with_or_without_faults(world: World) -> None:
    items = items_of(world.after)
    for invoice in world.after.invoices:
        taxes = sum(row["amount"] for row in items[invoice["id"]] if row["kind"] == "tax")
        others = sum(row["amount"] for row in items[invoice["id"]] if row["kind"] != "tax")
        assert (others, taxes) == (invoice["subtotal"], invoice["tax"])
        assert invoice["total"] == others + taxes
    numbers = [row["number"] for row in world.after.invoices]
    assert numbers == [f"GEN-{n:06d}" for n in range(1, len(numbers) + 1)]


def test_a_whole_month_is_due_as_a_hand_would_reckon_it(world: World) -> None:
    """Clean whole months on a plan of one version, reckoned from the rows alone."""
    plans = {row["id"]: row for row in world.after.plans if row["updated_at"] == row["created_at"]}
    used: dict[str, list[Row]] = defaultdict(list)
    for row in world.after.usage_records:
        used[row["subscription_id"]].append(row)
    switched = {row["id"] for row in world.after.subscriptions} - {
        row["id"] for row in world.after.subscriptions if row["updated_at"] == row["started_at"]
    }
    subscriptions = {row["id"]: row for row in world.after.subscriptions}
    checked = 0
    for row in world.truth:
        subscription = subscriptions[row["external_subscription_id"]]
        is_whole = subscription["started_at"] <= row["period_start"]
        plan = plans.get(subscription["plan_id"])
        if subscription["id"] in switched or not is_whole or plan is None:
            continue
        first: dict[str, Decimal] = {}
        for use in used[subscription["id"]]:
            if row["period_start"] <= use["window_start"] < row["period_end"]:
                first.setdefault(use["idempotency_key"], use["quantity"])
        over = max(sum(first.values(), Decimal(0)) - plan["included_cpu_seconds"], Decimal(0))
        overage = (over * plan["overage_price_per_cpu_second"]).quantize(CENT, ROUND_HALF_UP)
        assert row["expected_amount"] == plan["price"] + overage
        checked += 1
    assert checked > 500


def test_a_part_of_a_month_is_due_by_local_days(world: World) -> None:
    """Clean first months with base fee alone: days from the start's day on, of the month's days."""
    plans = {row["id"]: row for row in world.after.plans}
    subscriptions = {row["id"]: row for row in world.after.subscriptions}
    items = items_of(world.after)
    checked = 0
    for row in world.truth:
        subscription = subscriptions[row["external_subscription_id"]]
        start, end = row["period_start"].astimezone(ZONE), row["period_end"].astimezone(ZONE)
        started = subscription["started_at"].astimezone(ZONE)
        if row["kind"] != "clean" or not start < started < end or row["needs_history"]:
            continue
        days = (end.date() - start.date()).days
        held = (end.date() - started.date()).days
        invoice = next(i for i in invoices_of(world, row) if i["status"] not in ("void", "draft"))
        base = next(i for i in items[invoice["id"]] if i["kind"] == "proration")
        price = plans[subscription["plan_id"]]["price"]
        assert base["amount"] == (price * held / days).quantize(CENT, ROUND_HALF_UP)
        checked += 1
    assert checked > 50


def test_ids_and_times_of_writing_grow_together(world: World) -> None:
    records = world.after.usage_records
    assert [row["id"] for row in records] == list(range(1, len(records) + 1))
    assert all(a["created_at"] <= b["created_at"] for a, b in pairwise(records))
    assert all(row["created_at"] <= world.after.as_of for row in records)


def test_every_change_comes_after_all_of_before(world: World) -> None:
    """So that an incremental load by updated_at, and a snapshot dated by it, see each change."""
    for table in ("users", "plans", "subscriptions", "deployments"):
        before = {row["id"]: row for row in world.before.tables()[table]}
        latest = max(row["updated_at"] for row in before.values())
        for row in world.after.tables()[table]:
            assert before.get(row["id"]) == row or row["updated_at"] > latest
    assert {row["id"] for row in world.before.plans} == {row["id"] for row in world.after.plans}


def query(dsn: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def test_the_tool_writes_both_phases_and_the_truth(
    database: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn, truth = database(), tmp_path / "truth.json"
    size = ["--seed", "3", "--subscriptions", "80", "--months", "4"]
    faults.main(["--dsn", dsn, *size, "--phase", "before"])
    repriced = "select count(*) from plans where updated_at > created_at"
    assert query(dsn, repriced) == [(0,)]
    faults.main(["--dsn", dsn, *size, "--truth", str(truth)])
    faults.main(["--dsn", dsn, *size, "--truth", str(truth)])  # again: nothing more
    told = json.loads(truth.read_text())
    world = build_world(3, subscriptions=80, months=4)
    assert query(dsn, repriced)[0][0] == 10
    for table, rows in world.after.tables().items():
        assert query(dsn, f"select count(*) from {table}") == [(len(rows),)]
    assert len(told["keys"]) == len(world.truth)
    assert told["keys"][0]["expected_amount"] == str(world.truth[0]["expected_amount"])
    assert told["keys"][0]["period_start"] == world.truth[0]["period_start"].isoformat()
    assert sum(told["counts"].values()) == len(told["keys"])
    assert "after: 10 users, 40 plans, 80 subscriptions" in capsys.readouterr().out


def test_what_the_tool_wrote_the_reader_may_read(database: Callable[..., str]) -> None:
    dsn = database()
    faults.main(["--dsn", dsn, "--subscriptions", "20", "--months", "3"])
    reader = dsn.replace("//postgres@", "//odoo_billing_ro@")
    assert query(reader, "select count(*) from subscriptions") == [(20,)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        query(reader, "delete from invoices returning id")
