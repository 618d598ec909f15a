"""Schema ops comes into being once, whoever asks, and keeps what was decided."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import people
import psycopg2
import psycopg2.errors
import pytest

from publishers import migrate, roles
from publishers.roles import MigrationError


@pytest.fixture
def empty_dsn(cluster: Any, database: Any) -> str:
    """A database without ops, owned by the warehouse's own role."""
    cluster.ensure_role("fusion_billing")
    dsn: str = database(owner="fusion_billing")
    return dsn


def _tables(dsn: str) -> set[str]:
    with psycopg2.connect(dsn) as conn, conn.cursor() as cursor:
        cursor.execute("select table_name from information_schema.tables where table_schema='ops'")
        return {row[0] for row in cursor.fetchall()}


def test_several_processes_and_threads_migrate_at_once_and_none_fails(empty_dsn: str) -> None:
    with ProcessPoolExecutor(3) as processes, ThreadPoolExecutor(3) as threads:
        waiting = [pool.submit(migrate.upgrade, empty_dsn) for pool in (processes, threads) * 3]
        for future in waiting:
            future.result(timeout=60)
    assert migrate.version(empty_dsn) == migrate.head()
    assert {"publications", "line_approvals", "cutover_gates"} <= _tables(empty_dsn)


def test_migrating_again_changes_nothing_and_says_nothing(
    empty_dsn: str, capfd: pytest.CaptureFixture[str]
) -> None:
    migrate.upgrade(empty_dsn)
    before = _tables(empty_dsn)
    migrate.upgrade(empty_dsn)
    assert _tables(empty_dsn) == before
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def owners_dsn(empty_dsn: str) -> str:
    """Where no role was made for it, ops belongs to its migrator: only the triggers stand guard."""
    migrate.upgrade(empty_dsn)
    people.add(empty_dsn)
    return empty_dsn


def test_an_ops_of_newer_code_is_named(warehouse_dsn: str) -> None:
    with psycopg2.connect(warehouse_dsn.replace("//fusion_billing@", "//postgres@")) as conn:
        with conn.cursor() as cursor:
            cursor.execute("update ops.schema_version set version_num = '9999'")
    conn.close()
    with pytest.raises(MigrationError, match=r"version 9999, and this code knows none beyond"):
        migrate.upgrade(warehouse_dsn)


def test_only_who_may_act_for_its_owner_migrates_ops(warehouse_dsn: str) -> None:
    superuser = warehouse_dsn.replace("//fusion_billing@", "//postgres@")
    with psycopg2.connect(superuser) as conn, conn.cursor() as cursor:
        cursor.execute("update ops.schema_version set version_num = '0009'")
    conn.close()
    with pytest.raises(MigrationError, match="WAREHOUSE_MIGRATE_DSN"):
        migrate.upgrade(warehouse_dsn)


def test_what_stands_before_an_upgrade_stands_after_it(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest policy of a scope counted, an earlier stricter amount is not lost, and a number
    that somebody chose himself does not stay ahead of the server's.
    """
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "head", lambda: "0006")
        patch.setattr(migrate, "HEAD", "0006")
        migrate.upgrade(empty_dsn)
    with psycopg2.connect(empty_dsn) as conn, conn.cursor() as cursor:
        cursor.execute(
            "insert into ops.approval_policies (policy_version, service, currency, is_automatic,"
            " within_percent, four_eyes_amount, decided_by) values"
            " ('a1', null, 'CAD', true, 5, 1000, 'Dana'), ('a2', null, 'CAD', false, null, null,"
            " 'Dana'), ('b1', 'nexacloud', 'CAD', true, 2, 50, 'Dana')"
        )
        cursor.execute(
            "insert into ops.line_approvals (approval_id, line_key, content_hash, decision,"
            " decided_by, amount, currency) overriding system value"
            " values (5000, 'k', 'h', 'approve', 'Dana  Roy', 10, 'CAD')"
        )
        conn.commit()
        migrate.upgrade(empty_dsn)
        cursor.execute(
            "select policy_version, is_automatic, four_eyes_amount from ops.policies_in_force"
            " order by policy_version"
        )
        assert cursor.fetchall() == [
            ("a2", False, None),
            ("b1", True, 50),
            ("still a2", False, 1000),
        ]
        cursor.execute("select nextval('ops.line_approvals_approval_id_seq')")
        assert cursor.fetchone() == (5001,)
        cursor.execute("select approval_state, approved_by from ops.line_approval_status")
        assert cursor.fetchall() == [("approved", "Dana  Roy")]
    conn.close()


def test_a_table_that_an_upgrade_brings_is_granted_by_it(
    cluster: Any, empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in (*roles.ROLES, roles.AUDITOR):
        cluster.ensure_role(role)
    admin_dsn = empty_dsn.replace("//fusion_billing@", "//postgres@")
    with closing(psycopg2.connect(admin_dsn)) as conn:
        roles.separate(conn, "fusion_billing")
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "head", lambda: "0015")
        patch.setattr(migrate, "HEAD", "0015")
        migrate.upgrade(admin_dsn)
    assert "month_closings" not in _tables(empty_dsn)
    migrate.upgrade(admin_dsn)
    with psycopg2.connect(empty_dsn) as conn, conn.cursor() as cursor:
        cursor.execute(
            "select has_table_privilege(role, 'ops.month_closings', 'select')"
            " from unnest(%s) as role",
            ([*roles.ROLES, roles.AUDITOR],),
        )
        assert cursor.fetchall() == [(True,)] * 3
    conn.close()


@pytest.mark.parametrize(
    "statement",
    [
        "update ops.cutover_gates set decided_by = 'someone else'",
        "delete from ops.cutover_gates",
        "truncate ops.cutover_gates",
        "delete from ops.publication_events",
        "delete from ops.publications",
        "truncate ops.publications cascade",
    ],
)
def test_what_was_decided_cannot_be_rewritten_even_by_its_owner(
    owners_dsn: str, statement: str
) -> None:
    with psycopg2.connect(owners_dsn) as conn, conn.cursor() as cursor:
        cursor.execute(
            "insert into ops.cutover_gates (service, external_subscription_id, decision,"
            " decided_by) values ('nexacloud', 'sub-1', 'close', 'fay')"
        )
        cursor.execute(_PUBLICATION)
        cursor.execute(
            "insert into ops.publication_events (document_key, event) values ('d', 'claimed')"
        )
        conn.commit()
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="keeps what was decided"):
            cursor.execute(statement)


_PUBLICATION = """
insert into ops.publications (document_key, external_id, service, partner_id,
    billing_period_start, billing_period_end, currency, move_type, document_number, state, payload,
    payload_hash, expected_untaxed_amount, expected_tax_amount, expected_total_amount,
    rounding_method, invoice_date, invoice_date_due)
values ('d', 'dwh_pub.d', 'nexacloud', 1, now(), now(), 'CAD', 'out_invoice', 1, 'claimed', '{}',
    'h', 1, 0, 1, 'round_globally', '2026-06-03', '2026-07-03')
"""


@pytest.mark.parametrize(
    "change",
    [
        "payload = '{\"rows\": []}'",
        "expected_total_amount = 2",
        "partner_id = 2",
        "payload_hash = 'x'",
    ],
)
def test_a_claimed_document_is_frozen(owners_dsn: str, change: str) -> None:
    with psycopg2.connect(owners_dsn) as conn, conn.cursor() as cursor:
        cursor.execute(_PUBLICATION)
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="frozen at claim"):
            cursor.execute(f"update ops.publications set {change}")


@pytest.mark.parametrize(
    ("path", "is_allowed"),
    [
        (("sent", "confirmed", "released"), True),
        (("sent", "quarantined", "released"), True),
        (("confirmed",), False),
        (("sent", "released"), False),
        (("sent", "confirmed", "sent"), False),
        (("quarantined", "confirmed"), False),
        (("quarantined", "released", "claimed"), False),
    ],
)
def test_a_document_moves_only_along_its_states(
    warehouse_dsn: str, path: tuple[str, ...], is_allowed: bool
) -> None:
    with psycopg2.connect(warehouse_dsn) as conn, conn.cursor() as cursor:
        cursor.execute(_PUBLICATION)
        *before, last = path
        for state in before:
            cursor.execute("update ops.publications set state = %s", (state,))
        if is_allowed:
            cursor.execute("update ops.publications set state = %s", (last,))
        else:
            with pytest.raises(psycopg2.errors.CheckViolation, match="cannot become"):
                cursor.execute("update ops.publications set state = %s", (last,))
