"""Who decided, when and about what is said by the server, never by whoever writes the row.

Revision: 0008. People are a list with their database users; each decision is stamped by triggers.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# One person has one name: whatever the case, the blanks and the width of the letters.
NAMES = r"""
create function ops.plain_name(given text) returns text language sql immutable parallel safe
return lower(btrim(regexp_replace(normalize(given, NFKC), '\s+', ' ', 'g')));
"""

# A database user speaks for a person only where that person's row names it.
IDENTITIES = r"""
create table ops.identities (
    identity_id bigint generated always as identity primary key,
    name text not null check (ops.plain_name(name) <> '' and name not ilike 'policy:%'),
    email text not null check (email ~ '^[^@\s]+@[^@\s]+$'),
    roles text[] not null check (
        cardinality(roles) > 0 and roles <@ array['approver', 'policy_owner']),
    database_users text[] not null check (cardinality(database_users) > 0),
    is_active boolean not null default true,
    plain_name text not null generated always as (ops.plain_name(name)) stored unique,
    plain_email text not null generated always as (ops.plain_name(email)) stored unique
);
create table ops.identity_changes (
    change_id bigint generated always as identity primary key,
    identity_id bigint not null references ops.identities, name text not null, email text not null,
    roles text[] not null, database_users text[] not null, is_active boolean not null,
    changed_at timestamptz not null default clock_timestamp(),
    changed_by text not null default session_user
);

create function ops.log_identity() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp as $$
begin
    insert into ops.identity_changes (identity_id, name, email, roles, database_users, is_active)
    values (new.identity_id, new.name, new.email, new.roles, new.database_users, new.is_active);
    return null;
end $$;
create trigger log_identity after insert or update on ops.identities
    for each row execute function ops.log_identity();
create trigger keep_frozen before update of identity_id, name, email on ops.identities
    for each row execute function ops.refuse_thaw('identity_id, name, email');
create trigger append_only before delete on ops.identities
    for each row execute function ops.refuse_change();
create trigger never_emptied before truncate on ops.identities
    for each statement execute function ops.refuse_change();
create trigger append_only before update or delete on ops.identity_changes
    for each row execute function ops.refuse_change();
create trigger never_emptied before truncate on ops.identity_changes
    for each statement execute function ops.refuse_change();
"""

# `claimed` is what the row says; a session that speaks for many sets billing.identity instead. A
# database user of one person needs neither.
WHO_DECIDES = """
create function ops.who_decides(claimed text, needed text) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    asked text := ops.plain_name(
        coalesce(nullif(current_setting('billing.identity', true), ''), claimed, ''));
    people ops.identities[];
begin
    select array_agg(identities) into people from ops.identities
    where case
        when asked = '' then is_active and session_user = any (database_users)
        else asked in (plain_name, plain_email)
    end;
    if coalesce(cardinality(people), 0) <> 1 then
        raise exception 'a decision needs the name of one person: "%" as % is % of them',
            asked, session_user, coalesce(cardinality(people), 0)
            using errcode = 'insufficient_privilege', hint = 'see `billing identities`';
    end if;
    if not people[1].is_active or not session_user = any (people[1].database_users) then
        raise exception '% may not decide as database user %', people[1].name, session_user
            using errcode = 'insufficient_privilege', hint = 'see `billing identities`';
    end if;
    if not needed = any (people[1].roles) then
        raise exception '% is no %', people[1].name, needed
            using errcode = 'insufficient_privilege', hint = 'see `billing identities`';
    end if;
    return people[1].name;
end $$;
"""

# The number comes after the lock, so that two decisions about one line are numbered in their order.
# A claim that is under way is waited for, so that a revocation never comes too late unseen.
STAMP = """
create function ops.stamp_decision() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    given jsonb := to_jsonb(new);
    author text;
begin
    if tg_table_name = 'credit_requests' then
        perform pg_advisory_xact_lock(28818626784094573);
    else
        perform pg_advisory_xact_lock_shared(28818626784094573);
    end if;
    if tg_table_name = 'line_approvals' then
        perform pg_advisory_xact_lock(6709860, hashtext(given ->> 'line_key'));
    end if;
    if tg_table_name = 'line_approvals' and given ->> 'policy_version' is not null then
        author := 'policy:' || (given ->> 'policy_version');
    else
        author := ops.who_decides(given ->> tg_argv[2], tg_argv[3]);
    end if;
    return jsonb_populate_record(new, jsonb_build_object(
        tg_argv[0], nextval(pg_get_serial_sequence('ops.' || tg_table_name, tg_argv[0])),
        tg_argv[1], clock_timestamp(), tg_argv[2], author));
end $$;
"""

# Table: its number, its time, its author, and the role that the author needs.
STAMPED = {
    "line_approvals": ("approval_id", "decided_at", "decided_by", "approver"),
    "cutover_gates": ("gate_id", "decided_at", "decided_by", "approver"),
    "cause_acceptances": ("acceptance_id", "accepted_at", "accepted_by", "approver"),
    "exception_acknowledgements": (
        "acknowledgement_id",
        "acknowledged_at",
        "acknowledged_by",
        "approver",
    ),
    "approval_policies": ("policy_id", "decided_at", "decided_by", "policy_owner"),
    "credit_requests": ("credit_id", "requested_at", "requested_by", "approver"),
    "termination_releases": ("release_id", "released_at", "released_by", "approver"),
}


def upgrade() -> None:
    """People, and a stamp on every table of decisions."""
    for block in (NAMES, IDENTITIES, WHO_DECIDES, STAMP):
        op.execute(block)
    for table, columns in STAMPED.items():
        number, arguments = columns[0], "', '".join(columns)
        # A number that somebody chose himself must not stay ahead of the server's.
        op.execute(
            f"select setval(pg_get_serial_sequence('ops.{table}', '{number}'), max({number}))"
            f" from ops.{table} having max({number}) is not null"
        )
        op.execute(
            f"create trigger stamp before insert on ops.{table}"
            f" for each row execute function ops.stamp_decision('{arguments}')"
        )


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
