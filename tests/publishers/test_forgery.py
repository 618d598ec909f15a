"""What a login of ours may write by hand: who, when, which and how much are the server's word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from psycopg2.errors import CheckViolation, InsufficientPrivilege
from publishing_world import MAY, World, line

from publishers import approvals, gates, identities, policies, roles
from publishers.identities import Identity, IdentityError
from publishers.lines import Filters
from publishers.policies import Policy

APPROVER, SERVICE = "finance_approver", "fusion_billing"
Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def world(warehouse_world: World) -> World:
    """A line of 5,000.00, where two people must approve from 1,000 on."""
    warehouse_world.propose([line(1, amount="5000.00")])
    with warehouse_world.warehouse() as conn:
        policies.set_policy(conn, Policy("v1", "CAD", four_eyes_amount=Decimal(1000)), by="cfo")
        roles.grant(conn)
    return warehouse_world


def _dsn(world: World, user: str) -> str:
    return world.settings.warehouse_dsn.replace("//fusion_billing@", f"//{user}@")


@pytest.fixture
def as_user(world: World) -> Iterator[Callable[[str], Sql]]:
    """Run statements as a database user, all in one session that commits each."""
    opened = []

    def connect(user: str) -> Sql:
        conn = psycopg2.connect(_dsn(world, user))
        conn.autocommit = True
        opened.append(conn)

        def execute(statement: str, *values: Any) -> list[tuple[Any, ...]]:
            with conn.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []

        return execute

    yield connect
    for conn in opened:
        conn.close()


SAY = "set billing.identity = 'fay'"
KEY, HASH = line(1, amount="5000.00")["line_key"], line(1, amount="5000.00")["content_hash"]
PLAIN = (
    "insert into ops.line_approvals (line_key, content_hash, decision)"
    f" values ('{KEY}', '{HASH}', 'approve')"
)
FORGED = {
    "approval_id": "9223372036854775806",
    "decided_at": "'2099-01-01'",
    "decided_by": "'rex'",
    "amount": "1",
    "currency": "'XXX'",
    "content": "'{}'",
    "policy_version": "'v1'",
}


def _not_refused(sql: Sql, statements: Sequence[str]) -> list[str]:
    """Those that the database carried out, or refused for a reason that is no guard."""
    carried_out = []
    for statement in statements:
        try:
            sql(statement)
        except (InsufficientPrivilege, CheckViolation):
            continue
        except psycopg2.Error as error:
            statement += f" -- {error}"
        carried_out.append(statement)
    return carried_out


@pytest.mark.parametrize("user", [APPROVER, SERVICE])
def test_a_decision_is_inserted_on_named_columns_only(
    world: World, as_user: Callable[[str], Sql], user: str
) -> None:
    sql = as_user(user)
    sql(SAY)
    forged = [
        f"insert into ops.line_approvals (line_key, content_hash, decision, {column})"
        f" overriding system value values ('{KEY}', '{HASH}', 'approve', {value})"
        for column, value in FORGED.items()
    ]
    assert _not_refused(sql, forged) == []
    assert world.query("select count(*) from ops.line_approvals") == [(0,)]


@pytest.mark.parametrize("user", [APPROVER, SERVICE])
def test_the_server_fills_in_what_was_decided_about(
    world: World, as_user: Callable[[str], Sql], user: str
) -> None:
    sql = as_user(user)
    sql(SAY)
    sql(PLAIN)
    sql("set billing.identity = '  REX '")
    found = world.query(
        "select decided_by, amount, currency, content ->> 'amount', decided_at <= now(),"
        " decided_at > now() - interval '1 minute' from ops.line_approvals"
    )
    assert found == [("fay", Decimal("5000.00"), "CAD", "5000.00", True, True)]
    state = "select approval_state from ops.line_approval_status"
    assert world.query(state) == [("waiting",)]
    sql(PLAIN)
    assert world.query(state) == [("approved",)]


@pytest.mark.parametrize(
    ("key", "content_hash"), [(KEY, "other"), ("other", HASH), ("other", "other")]
)
def test_what_no_line_says_is_not_decided(
    as_user: Callable[[str], Sql], key: str, content_hash: str
) -> None:
    sql = as_user(APPROVER)
    sql(SAY)
    with pytest.raises(CheckViolation, match="look again"):
        sql(PLAIN.replace(KEY, key).replace(HASH, content_hash))


def test_a_decision_looks_at_no_table_of_the_decider_s_own(
    as_user: Callable[[str], Sql],
) -> None:
    sql = as_user(APPROVER)
    sql(SAY)
    sql(
        "create temp table fct_invoice_lines as"
        f" select '{KEY}' as line_key, 'mine' as content_hash, 1 as amount, 'CAD' as currency"
    )
    sql("set search_path = pg_temp, public")
    for marts in ("marts", "pg_temp", "pg_temp_3", 'marts"; drop schema ops; --'):
        sql("select set_config('billing.marts', %s, false)", marts)
        with pytest.raises((CheckViolation, InsufficientPrivilege)):
            sql(PLAIN.replace(HASH, "mine"))


@pytest.mark.parametrize(
    "spelling", ["fay", "FAY", " fay ", "fay@example.com", "Fay@Example.com", "\u00a0fay", "ｆａｙ"]
)
def test_a_name_and_its_spellings_are_one_person(world: World, spelling: str) -> None:
    world.approve(by="fay")
    assert world.approve(by=spelling).written == []
    assert world.query("select approval_state from ops.line_approval_status") == [("waiting",)]


def test_two_spaces_in_a_name_are_one(world: World) -> None:
    world.approve(by="Dana Roy")
    for spelling in ("Dana  Roy", "dana \u00a0 roy", "dana.roy@example.com"):
        assert world.approve(by=spelling).written == []
    assert world.query("select approval_state from ops.line_approval_status") == [("waiting",)]


@pytest.mark.parametrize("name", ["nobody", "fay rex", "policy:v1", "f ay"])
def test_a_name_of_nobody_is_refused_with_the_known_ones(world: World, name: str) -> None:
    with pytest.raises(IdentityError, match=r"Dana Roy.*billing identities add"):
        world.approve(by=name)


@pytest.mark.parametrize("claimed", ["nobody", "", "policy:v1"])
def test_the_server_asks_for_the_name_as_well(as_user: Callable[[str], Sql], claimed: str) -> None:
    sql = as_user(APPROVER)
    sql("select set_config('billing.identity', %s, false)", claimed)
    with pytest.raises(InsufficientPrivilege):
        sql(PLAIN)


def test_a_database_user_speaks_for_those_that_name_it(
    world: World, cluster: Any, as_user: Callable[[str], Sql]
) -> None:
    cluster.ensure_role("dana_login")
    owner = as_user("postgres")
    owner("grant finance_approver to dana_login")
    with closing(psycopg2.connect(_dsn(world, "postgres"))) as conn:
        identities.add(
            conn, Identity("Dana Lee", "lee@example.com", database_users=("dana_login",))
        )
        sql = as_user("dana_login")
        sql(PLAIN)
        assert world.query("select decided_by from ops.line_approvals") == [("Dana Lee",)]
        sql("set billing.identity = 'rex'")
        with pytest.raises(InsufficientPrivilege, match="rex may not decide as database user"):
            sql(PLAIN)
        with pytest.raises(IdentityError, match="may not decide as database user fusion_billing"):
            world.approve(by="Dana Lee")
        identities.disable(conn, "LEE@example.com")
        sql("reset billing.identity")
        with pytest.raises(InsufficientPrivilege):
            sql(PLAIN)
    changes = world.query(
        "select name, is_active, changed_by from ops.identity_changes where name = 'Dana Lee'"
        " order by change_id"
    )
    assert changes == [("Dana Lee", True, "postgres"), ("Dana Lee", False, "postgres")]


def test_two_people_never_share_a_name_or_an_address(world: World) -> None:
    with closing(psycopg2.connect(_dsn(world, "postgres"))) as conn:
        for name, email in (("FAY", "other@example.com"), ("Fay Two", "FAY@example.com")):
            with pytest.raises(IdentityError, match="known already as fay"):
                identities.add(conn, Identity(name, email, database_users=("fusion_billing",)))


def test_a_policy_is_put_in_force_by_who_may(world: World) -> None:
    with closing(psycopg2.connect(_dsn(world, "postgres"))) as conn:
        users = ("fusion_billing",)
        identities.add(conn, Identity("Lou", "lou@example.com", database_users=users))
    with world.warehouse() as conn:
        with pytest.raises(IdentityError, match="Lou is no policy_owner"):
            policies.set_policy(conn, Policy("v9", "CAD", replaces=("v1",)), by="Lou")
    with world.warehouse() as conn, conn.cursor() as cursor:
        cursor.execute("set local billing.identity = 'Lou'")
        with pytest.raises(InsufficientPrivilege, match="Lou is no policy_owner"):
            cursor.execute(
                "insert into ops.approval_policies (policy_version, currency, replaces)"
                " values ('v9', 'CAD', array['v1'])"
            )


HANDS_OFF = (
    "update ops.line_approvals set decided_by = 'rex'",
    "delete from ops.line_approvals",
    "truncate ops.line_approvals",
    "alter table ops.line_approvals disable trigger all",
    "drop trigger stamp on ops.line_approvals",
    "create or replace function ops.who_decides(claimed text, needed text) returns text"
    " language sql as 'select claimed'",
    "create or replace view ops.line_approval_status as select 1",
    "drop schema ops cascade",
    "create table ops.mine (id int)",
    "set session_replication_role = replica",
    "set role fusion_billing_ops_owner",
    "insert into ops.identities (name, email, roles, database_users)"
    " values ('Me', 'me@example.com', array['approver'], array[current_user])",
    "update ops.identities set database_users = array[current_user::text]",
    "delete from ops.identity_changes",
    "update ops.approval_policies set four_eyes_amount = null",
    "update ops.cutover_gates set from_period_start = now()",
    "update ops.publication_events set event = 'mine'",
    "update ops.publications set payload = '{}'",
    "update ops.publications set claimed_by = 'somebody else'",
    "update ops.publication_lines set amount = 1",
    "delete from ops.publication_lines",
    "delete from ops.publications",
    "update ops.lifecycle_events set payload = '{}'",
    "update ops.schema_version set version_num = '0001'",
    "insert into ops.evidence (table_name, number, row_key, row_hash, hash)"
    " values ('line_approvals', 1000, '1', '', '')",
    "update ops.evidence set hash = ''",
    "delete from ops.evidence",
    "insert into ops.evidence_pending (table_name, keys, hashes)"
    " values ('line_approvals', array['1'], array[''])",
    "select ops.extend_chain('line_approvals', array['1'], array[''])",
    "create temporary table line_approvals (approval_id bigint);"
    " create trigger link after insert on line_approvals referencing new table as added"
    " for each statement execute function ops.note_rows('approval_id', '')",
)


@pytest.mark.parametrize("user", [APPROVER, SERVICE])
def test_no_login_of_ours_rewrites_what_was_decided(
    as_user: Callable[[str], Sql], user: str
) -> None:
    assert _not_refused(as_user(user), HANDS_OFF) == []


def test_a_policy_approves_only_what_it_is_for(world: World, as_user: Callable[[str], Sql]) -> None:
    """The service login may say that a policy approved; the policy must be in force and apply."""
    sql = as_user(SERVICE)
    by_policy = PLAIN.replace("decision)", "decision, policy_version)").replace(
        "'approve')", "'approve', %s)"
    )
    for version in ("v1", "unknown"):
        with pytest.raises(CheckViolation, match="approves no such line"):
            sql(by_policy, version)


def test_a_decision_of_before_the_list_counts_by_its_plain_name(
    world: World, as_user: Callable[[str], Sql]
) -> None:
    """History stays: one who is on the list now is the same person under the old spelling."""
    owner = as_user("postgres")
    owner("alter table ops.line_approvals disable trigger user")
    for old in ("Fay@example.com", "somebody  gone", "Somebody gone "):
        owner(
            "insert into ops.line_approvals (line_key, content_hash, decision, decided_by, amount,"
            " currency) values (%s, %s, 'approve', %s, 5000, 'CAD')",
            KEY, HASH, old,
        )  # fmt: skip
    owner("alter table ops.line_approvals enable trigger user")
    count = "select person_count from ops.line_approval_status"
    assert world.query(count) == [(2,)]
    with world.warehouse() as conn:
        approvals.approve(conn, approvals.select_lines(conn, Filters()), by="fay")
    assert world.query(count) == [(2,)]


def test_many_gates_open_all_or_none(world: World) -> None:
    def open_two(conn: Any) -> None:
        with gates.all_or_none(conn):
            for by in ("fay", " "):
                gates.open_gate(
                    conn,
                    service="nexacloud",
                    external_subscription_id=f"sub of {by}",
                    from_period_start=MAY[0],
                    by=by,
                )

    with world.warehouse() as conn, pytest.raises(gates.GateError):
        open_two(conn)
    with world.warehouse() as conn:
        gates.close_gate(conn, service="nexacloud", external_subscription_id="sub", by="fay")
        conn.rollback()
    assert world.query("select count(*) from ops.cutover_gates") == [(0,)]
