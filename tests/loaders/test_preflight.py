"""A source that is not as the list says is named, with how to fix it, before any row is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import loaders
from connections import DatabaseUnreachable, Settings, load_settings
from loaders.errors import PreflightError
from loaders.nexacloud_preflight import FoundColumn, fits

Run = Callable[..., list[tuple[Any, ...]]]

BREAKS = {
    "a table is gone": (
        "drop table invoice_items",
        r"nexacloud\.invoice_items: expected a table in schema public, found no such table",
    ),
    "a column is dropped": (
        "alter table invoices drop column total",
        r"nexacloud\.invoices\.total: expected numeric\(12,4\), found no such column",
    ),
    "a column is renamed": (
        "alter table plans rename column price to amount",
        r"nexacloud\.plans\.price: expected numeric\(12,2\), found no such column"
        r" \(not in the list: amount\): change",
    ),
    "a column is retyped": (
        "alter table invoices alter column period_start type date",
        r"nexacloud\.invoices\.period_start: expected timestamptz, found date",
    ),
    "a number gains digits that raw would lose": (
        "alter table plans alter column price type numeric(12,4)",
        r"nexacloud\.plans\.price: expected numeric\(12,2\), found numeric\(12,4\)",
    ),
    "a grant is revoked": (
        "revoke select on invoices from odoo_billing_ro",
        r"nexacloud\.invoices: .*no right to read: `grant select on public\.invoices to",
    ),
    "a grant is left on some columns only": (
        "revoke select on users from odoo_billing_ro; grant select (id, email) on users to"
        " odoo_billing_ro",
        r"nexacloud\.users\.full_name: .*`grant select \(full_name\) on public\.users",
    ),
    "rows are hidden by a policy": (
        "alter table invoices enable row level security",
        r"nexacloud\.invoices: expected all rows visible, found row-level security",
    ),
    "the schema is closed": (
        "revoke usage on schema public from odoo_billing_ro, public",
        r"nexacloud\.public: expected USAGE granted.*`grant usage on schema public to odoo_bill",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_half_broken_source_is_named_and_leaves_the_warehouse_as_it_was(
    nexa: Settings, app: Run, raw_state: Callable[[], dict[str, str]], name: str
) -> None:
    loaders.load(nexa, only="nexacloud")
    before = raw_state()
    # The first table has news, so that a load which only stops at the broken one would show.
    app("update users set full_name = 'New', updated_at = now()")
    statement, message = BREAKS[name]
    app(statement)
    with pytest.raises(loaders.LoadError, match=message):
        loaders.load(nexa, only="nexacloud")
    assert raw_state() == before
    report = loaders.check(nexa)
    assert not report.is_ok


def test_every_problem_is_named_at_once(nexa: Settings, app: Run) -> None:
    app(
        "alter table plans drop column price; alter table users drop column email; drop table"
        " invoices"
    )
    with pytest.raises(PreflightError) as error:
        loaders.load(nexa, only="nexacloud")
    assert [(problem.table, problem.column) for problem in error.value.problems] == [
        ("users", "email"),
        ("plans", "price"),
        ("invoices", ""),
    ]


def test_a_new_column_is_reported_and_ignored(nexa: Settings, app: Run) -> None:
    app("alter table users add column favourite_colour text default 'red'")
    report = loaders.load(nexa, only="nexacloud")
    assert [note for note in report.notes if "favourite_colour" in note]


def test_a_missing_index_is_asked_for_by_name(nexa: Settings, app: Run) -> None:
    app("insert into usage_records select id + 1000000, subscription_id, deployment_id, metric,"
    " quantity,"
        " window_start, window_end, idempotency_key, created_at from usage_records")  # fmt: skip
    app("drop index usage_records_created_at; analyze usage_records")
    report = loaders.load(nexa, only="nexacloud")
    wanted = "create index concurrently on public.usage_records (created_at, id)"
    assert [note for note in report.notes if wanted in note]


def test_a_source_that_does_not_answer_is_named_without_the_password(nexa: Settings) -> None:
    away = nexa.model_copy(
        update={"nexacloud_dsn": "postgresql://reader:hunter2@127.0.0.1:1/nexacloud"}
    )
    with pytest.raises(
        DatabaseUnreachable, match=r"127\.0\.0\.1:1/nexacloud.*NEXACLOUD_DSN"
    ) as error:
        loaders.load(away, only="nexacloud")
    assert "hunter2" not in str(error.value)


def test_check_finds_a_healthy_source_healthy_and_shows_that_writes_are_refused(
    nexa: Settings, raw_state: Callable[[], dict[str, str]]
) -> None:
    report = loaders.check(nexa)
    found = {(f.source, f.subject): f for f in report.findings}
    assert found["nexacloud", "usage_records"].detail.startswith("8,095 rows")
    assert "not loaded yet" in found["nexacloud", "usage_records"].detail
    assert "refused" in found["nexacloud", "writes"].detail
    assert found["nexacloud", "rights"].status == "ok"
    # No Odoo is configured here: that is a problem, and it is named.
    assert [f.source for f in report.findings if f.status == "problem"] == ["odoo"]
    assert raw_state() == {}


def test_check_tells_the_lag(nexa: Settings, app: Run) -> None:
    loaders.load(nexa, only="nexacloud")
    app(
        "update plans set updated_at = '2025-06-01 05:00+00' where code = (select min(code)"
        " from plans)"
    )
    found = {f.subject: f.detail for f in loaders.check(nexa).findings if f.source == "nexacloud"}
    assert found["plans"].endswith("behind by 3,600 s")
    assert found["users"].endswith("behind by 0 s")


def test_check_objects_to_a_role_that_may_write(nexa: Settings, nexacloud_owner_dsn: str) -> None:
    report = loaders.check(nexa.model_copy(update={"nexacloud_dsn": nexacloud_owner_dsn}))
    problems = [
        f.detail for f in report.findings if (f.source, f.status) == ("nexacloud", "problem")
    ]
    assert len(problems) == 1
    assert "usage_records" in problems[0]


def test_nothing_configured_says_how_to_begin(tmp_path: Any) -> None:
    report = loaders.check(load_settings(billing_home=tmp_path))
    assert not report.is_ok
    assert all("billing up" in f.detail for f in report.findings)


@pytest.mark.parametrize(
    ("expected", "found", "is_enum", "does_fit"),
    [
        ("text", "character varying(255)", False, True),
        ("text", "status_enum", True, True),
        ("text", "integer", False, False),
        ("numeric(20,6)", "numeric(12,4)", False, True),
        ("numeric(20,6)", "numeric(20,2)", False, False),
        ("numeric(20,6)", "numeric", False, False),
        ("numeric(20,6)", "double precision", False, False),
        ("timestamptz", "timestamp without time zone", False, False),
        ("timestamptz", "timestamp with time zone", False, True),
        ("bigint", "integer", False, False),
    ],
)
def test_a_type_fits_where_every_value_arrives_unchanged(
    expected: str, found: str, is_enum: bool, does_fit: bool
) -> None:
    assert fits(expected, FoundColumn(found, is_enum, True, True, True)) is does_fit
