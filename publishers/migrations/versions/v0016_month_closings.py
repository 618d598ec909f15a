"""What was true when a month was closed is kept: sums, build, decisions, who, when.

Revision: 0016, after 0015.
"""

from alembic import op

from publishers.migrations.versions.v0015_evidence import CHAINED as CHAINED_BEFORE

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Closing a month again adds a row: the latest counts, those before it stay.
CLOSINGS = """
create table ops.month_closings (
    closing_id bigint generated always as identity primary key,
    month date not null check (extract(day from month) = 1),
    sheet jsonb not null,
    waited jsonb not null check (jsonb_typeof(waited) = 'array'),
    despite text,
    note text,
    build_id bigint not null,
    build_status text not null,
    as_of timestamptz not null,
    closed_by text not null,
    closed_at timestamptz not null default clock_timestamp(),
    check (jsonb_array_length(waited) = 0 or coalesce(btrim(despite), '') <> '')
);
create index month_closings_month on ops.month_closings (month, closing_id);
create trigger append_only before update or delete on ops.month_closings
    for each row execute function ops.refuse_change();
create trigger never_emptied before truncate on ops.month_closings
    for each statement execute function ops.refuse_change();
create trigger stamp before insert on ops.month_closings
    for each row execute function ops.stamp_decision(
        'closing_id', 'closed_at', 'closed_by', 'approver');
create trigger link after insert on ops.month_closings
    referencing new table as added for each statement
    execute function ops.note_rows('closing_id', '');
"""

# Which build it was is the server's word. Runs with the rights of whoever closes: they may read the
# marts, the owner of ops need not.
VERIFY = r"""
create function ops.verify_closing() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp as $$
declare
    marts text := ops.marts_schema();
    last_status text;
    ends_at timestamptz;
begin
    execute format('select build_id, as_of from %I.dim_build', marts)
        into strict new.build_id, new.as_of;
    select status into last_status from ops.builds
    where is_whole and status <> 'running' and schema_prefix = regexp_replace(marts, 'marts$', '')
    order by build_id desc limit 1;
    select status into new.build_status from ops.builds where build_id = new.build_id;
    if last_status is distinct from 'passed' or new.build_status is distinct from 'passed' then
        raise exception 'the last build did not pass: nothing is closed from the one before'
            using errcode = 'check_violation';
    end if;
    execute format('select max(($1 + interval ''1 month'')::timestamp at time zone timezone)'
        ' from %I.dim_services', marts) into ends_at using new.month;
    if ends_at > new.as_of then
        raise exception 'month % is not over in build %', to_char(new.month, 'YYYY-MM'),
            new.build_id using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger verify before insert on ops.month_closings
    for each row execute function ops.verify_closing();
"""

CHAINED = {**CHAINED_BEFORE, "month_closings": ("closing_id", "")}


def upgrade() -> None:
    """No month is closed yet."""
    op.execute(CLOSINGS)
    op.execute(VERIFY)


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
