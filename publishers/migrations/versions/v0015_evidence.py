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
    select number, hash into last_number, last_hash
    from ops.evidence where table_name = chained
    order by number desc limit 1;
    for n in 1 .. coalesce(cardinality(keys), 0) loop
        last_number := coalesce(last_number, 0) + 1;
        last_hash := encode(sha256(convert_to(concat_ws(
            '|', chained, last_number, keys[n], hashes[n], last_hash
        ), 'UTF8')), 'hex');
        insert into ops.evidence (table_name, number, row_key, row_hash, hash)
        values (chained, last_number, keys[n], hashes[n], last_hash);
    end loop;
end $$;

-- At the end of the transaction, so that nobody waits for one that stays open.
create function ops.link_row() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    content jsonb := to_jsonb(new);
    key text;
begin
    select string_agg(content ->> names.name, ' ' order by names.position) into key
    from unnest(string_to_array(tg_argv[0], ',')) with ordinality as names (name, position);
    perform ops.extend_chain(
        tg_table_name, array[key],
        array[ops.evidence_hash(content, string_to_array(tg_argv[1], ','))]
    );
    return null;
end $$;
revoke execute on function ops.extend_chain(text, text[], text[]) from public;
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
            f"create constraint trigger link after insert on ops.{table}"
            " deferrable initially deferred for each row"
            f" execute function ops.link_row('{key}', '{changeable}')"
        )


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
