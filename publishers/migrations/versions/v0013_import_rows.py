"""The importer's ledger: what was written to Odoo, field by field, and every step on record.

Revision: 0013, after 0012.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# `written`: the values that we wrote last, so that a person's change is told from ours.
# `unconfirmed`: values on their way when a run died; Odoo may hold them or not.
# `declined`: our values that a person decided against, by field ('*': the record as a whole).
IMPORT_ROWS = """
create table ops.import_rows (
    import_key text primary key, kind text not null, title text not null,
    external_id text not null unique, odoo_id bigint,
    origin text check (origin in ('created', 'matched')),
    state text not null default 'proposed' check (state in ('proposed', 'sending', 'done')),
    written jsonb, unconfirmed jsonb not null default '{}', declined jsonb not null default '{}',
    action text not null, changes jsonb not null default '{}', kept jsonb not null default '{}',
    reason text, looked_at timestamptz not null default clock_timestamp(),
    run_id text, written_at timestamptz,
    check (state <> 'done' or (odoo_id is not null and origin is not null))
);
create index import_rows_unfinished on ops.import_rows (import_key) where state = 'sending';
"""

IMPORT_EVENTS = """
create table ops.import_events (
    event_id bigint generated always as identity primary key,
    run_id text not null, import_key text not null, kind text not null, title text not null,
    odoo_id bigint,
    event text not null check (event in
        ('created', 'updated', 'archived', 'restored', 'failed', 'taken_ours', 'taken_theirs')),
    changes jsonb not null default '{}', reason text, done_by text not null,
    occurred_at timestamptz not null default clock_timestamp()
);
create index import_events_run on ops.import_events (run_id, event_id);
create trigger append_only before update or delete on ops.import_events
    for each row execute function ops.refuse_change();
create trigger never_emptied before truncate on ops.import_events
    for each statement execute function ops.refuse_change();
"""


def upgrade() -> None:
    """Add what the importer needs."""
    op.execute(IMPORT_ROWS)
    op.execute(IMPORT_EVENTS)


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
