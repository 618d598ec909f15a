"""Each decision and each step of the ledger is a link of its table's chain of hashes.

Revision: 0015, after 0014. The server writes the links; publishers/evidence.py verifies them.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# `hash` is of the link's own columns and the hash before it. Whoever changes, removes, adds or
# moves a row leaves a link that does not fit; whoever writes a whole chain anew has to have the
# heads that were kept elsewhere, too.
LINKS = """
create table ops.evidence (
    table_name text not null, number bigint not null, row_key text not null,
    row_hash text not null, hash text not null,
    linked_at timestamptz not null default clock_timestamp(),
    primary key (table_name, number)
);
create trigger append_only before update or delete on ops.evidence
    for each row execute function ops.refuse_change();
create trigger never_emptied before truncate on ops.evidence
    for each statement execute function ops.refuse_change();
"""

# Nulls are left out, so that a column that is added later does not change the hash of what stood
# before; what has a default is added to the columns that are left out.
HASH = """
create function ops.evidence_hash(content jsonb, changeable text[]) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
return encode(sha256(convert_to(jsonb_strip_nulls(content - changeable)::text, 'UTF8')), 'hex');

create function ops.extend_chain(chained text, keys text[], hashes text[]) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    last_number bigint;
    last_hash text;
begin
    perform pg_advisory_xact_lock(1702258020, hashtext(chained));
    -- Planned anew each time: a plan that was made while the chain was short reads all of it.
    execute 'select number, hash from ops.evidence where table_name = $1'
        ' order by number desc limit 1' into last_number, last_hash using chained;
    for n in 1 .. coalesce(cardinality(keys), 0) loop
        last_number := coalesce(last_number, 0) + 1;
        last_hash := encode(sha256(convert_to(concat_ws(
            '|', chained, last_number, keys[n], hashes[n], last_hash
        ), 'UTF8')), 'hex');
        insert into ops.evidence (table_name, number, row_key, row_hash, hash)
        values (chained, last_number, keys[n], hashes[n], last_hash);
    end loop;
end $$;

-- A statement's rows are hashed at once and wait here, a row for each statement, until their
-- transaction ends: the chain is held while it is written, and nobody waits for a transaction
-- that stays open.
create table ops.evidence_pending (
    pending_id bigint generated always as identity primary key,
    table_name text not null, keys text[] not null, hashes text[] not null
);

create function ops.note_rows() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
    insert into ops.evidence_pending (table_name, keys, hashes)
    select
        tg_table_name, array_agg(row_key order by length(row_key), row_key),
        array_agg(row_hash order by length(row_key), row_key)
    from (
        select
            (
                select string_agg(kept ->> names.name, ' ' order by names.position)
                from unnest(string_to_array(tg_argv[0], ',')) with ordinality
                    as names (name, position)
            ) as row_key,
            ops.evidence_hash(kept, string_to_array(tg_argv[1], ',')) as row_hash
        from added cross join lateral to_jsonb(added) as kept
    ) as hashed
    having count(*) > 0;
    return null;
end $$;

create function ops.link_pending() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- All that this transaction noted, and only it sees: by table, so that no two transactions
    -- hold the chains that each other waits for.
    perform ops.extend_chain(noted.table_name, noted.keys, noted.hashes)
    from (select * from ops.evidence_pending order by table_name, pending_id) as noted;
    delete from ops.evidence_pending;
    return null;
end $$;
create constraint trigger link after insert on ops.evidence_pending
    deferrable initially deferred for each row execute function ops.link_pending();
revoke execute on function
    ops.extend_chain(text, text[], text[]), ops.note_rows(), ops.link_pending()
from public;
"""

# Table: its key, and what may change of a row.
PUBLICATION = (
    "state,odoo_id,odoo_name,odoo_state,odoo_payment_state,odoo_untaxed_amount,odoo_tax_amount,"
    "odoo_total_amount,odoo_write_date,finding,last_read_at,attempts,run_id,sent_at,sent_uid,"
    "confirmed_at,released_at,released_by,note"
)
CHAINED = {
    "approval_policies": ("policy_id", ""),
    "cause_acceptances": ("acceptance_id", ""),
    "credit_requests": ("credit_id", ""),
    "cutover_gates": ("gate_id", ""),
    "exception_acknowledgements": ("acknowledgement_id", ""),
    "identity_changes": ("change_id", ""),
    "import_events": ("event_id", ""),
    "lifecycle_events": ("event_id", ""),
    "line_approvals": ("approval_id", ""),
    "publication_events": ("event_id", ""),
    "publication_lines": ("document_key,line_key", "odoo_line_id,released_at"),
    "publications": ("document_key", PUBLICATION),
    "termination_releases": ("release_id", ""),
    "webhook_attempts": ("attempt_id", ""),
}
BACKFILL = """
with named as (
    select
        concat_ws(' ', {key}) as row_key,
        ops.evidence_hash(to_jsonb(kept), string_to_array('{changeable}', ',')) as row_hash
    from ops.{table} as kept
)

select ops.extend_chain(
    '{table}',
    array_agg(row_key order by length(row_key), row_key),
    array_agg(row_hash order by length(row_key), row_key)
)
from named
"""


def upgrade() -> None:
    """What stands is linked as it stands; from now on the server links what is added."""
    op.execute(LINKS)
    op.execute(HASH)
    op.execute("set local timezone = 'UTC'")
    for table, (key, changeable) in CHAINED.items():
        op.execute(BACKFILL.format(table=table, key=key, changeable=changeable))
        op.execute(
            f"create trigger link after insert on ops.{table}"
            " referencing new table as added for each statement"
            f" execute function ops.note_rows('{key}', '{changeable}')"
        )


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
