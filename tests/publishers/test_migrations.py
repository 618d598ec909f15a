"""Schema ops comes into being once, whoever asks, and keeps what was decided."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import psycopg2
import psycopg2.errors
import pytest

from publishers import migrate


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


@pytest.mark.parametrize(
    "statement",
    [
        "update ops.line_approvals set decided_by = 'someone else'",
        "delete from ops.line_approvals",
        "truncate ops.line_approvals",
        "delete from ops.publication_events",
        "delete from ops.publications",
        "truncate ops.publications cascade",
    ],
)
def test_what_was_decided_cannot_be_rewritten(warehouse_dsn: str, statement: str) -> None:
    with psycopg2.connect(warehouse_dsn) as conn, conn.cursor() as cursor:
        cursor.execute(
            "insert into ops.line_approvals (line_key, content_hash, decision, decided_by)"
            " values ('k', 'h', 'approve', 'fay')"
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
def test_a_claimed_document_is_frozen(warehouse_dsn: str, change: str) -> None:
    with psycopg2.connect(warehouse_dsn) as conn, conn.cursor() as cursor:
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
