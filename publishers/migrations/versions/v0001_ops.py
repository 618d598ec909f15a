"""Schema `ops`: decisions, the publication ledger, webhooks, the log of loads.

Revision: 0001. Decisions and events are append-only; frozen columns of the ledger are guarded.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LOADS = """
create table ops.load_runs (
    load_run_id bigint generated always as identity primary key,
    run_id text, source text not null, table_name text not null, mode text,
    status text not null default 'running' check (status in ('running', 'succeeded', 'failed')),
    started_at timestamptz not null default now(), finished_at timestamptz,
    read_count bigint, created_count bigint, updated_count bigint, unchanged_count bigint,
    rejected_count bigint, deleted_count bigint, bytes_copied bigint,
    watermark_from timestamptz, watermark_to timestamptz, error text,
    is_dry_run boolean not null default false
);
create index load_runs_latest on ops.load_runs (source, table_name, load_run_id desc);

create table ops.rejected_rows (
    rejected_row_id bigint generated always as identity primary key,
    source text not null, table_name text not null, row_key text not null,
    reason text not null, "row" jsonb, run_id text,
    first_rejected_at timestamptz not null default now(),
    last_rejected_at timestamptz not null default now(), resolved_at timestamptz
);
create unique index rejected_rows_open on ops.rejected_rows (source, table_name, row_key)
    where resolved_at is null;
"""

DECISIONS = """
create table ops.cutover_gates (
    gate_id bigint generated always as identity primary key,
    service text not null, external_subscription_id text not null,
    decision text not null check (decision in ('open', 'close')),
    from_period_start timestamptz, decided_by text not null check (decided_by <> ''),
    decided_at timestamptz not null default now(), note text,
    check (decision = 'close' or from_period_start is not null)
);
create index cutover_gates_latest
    on ops.cutover_gates (service, external_subscription_id, gate_id desc);

create table ops.cause_acceptances (
    acceptance_id bigint generated always as identity primary key,
    service text not null, external_subscription_id text not null,
    period_start timestamptz not null, cause text not null, amount numeric not null,
    currency text not null, accepted_by text not null check (accepted_by <> ''),
    accepted_at timestamptz not null default now(), note text
);
create index cause_acceptances_latest
    on ops.cause_acceptances (service, external_subscription_id, period_start, cause);

create table ops.exception_acknowledgements (
    acknowledgement_id bigint generated always as identity primary key,
    exception_key text not null, facts_hash text not null,
    acknowledged_by text not null check (acknowledged_by <> ''),
    acknowledged_at timestamptz not null default now(), until timestamptz, note text
);
create index exception_acknowledgements_key
    on ops.exception_acknowledgements (exception_key, facts_hash);

create table ops.approval_policies (
    policy_id bigint generated always as identity primary key,
    policy_version text not null unique, service text, currency text not null,
    is_automatic boolean not null default false, within_percent numeric,
    four_eyes_amount numeric, decided_by text not null check (decided_by <> ''),
    decided_at timestamptz not null default now(), note text,
    check (not is_automatic or within_percent is not null)
);

create table ops.line_approvals (
    approval_id bigint generated always as identity primary key,
    line_key text not null, content_hash text not null,
    decision text not null check (decision in ('approve', 'reject', 'revoke')),
    decided_by text not null check (decided_by <> ''),
    decided_at timestamptz not null default now(), note text,
    policy_version text, amount numeric, currency text, content jsonb
);
create index line_approvals_latest
    on ops.line_approvals (line_key, content_hash, approval_id desc);

create table ops.termination_releases (
    release_id bigint generated always as identity primary key,
    service text not null, external_subscription_id text not null,
    released_by text not null check (released_by <> ''),
    released_at timestamptz not null default now(), note text
);

create table ops.credit_requests (
    credit_id bigint generated always as identity primary key,
    line_key text not null, amount numeric not null check (amount > 0), currency text not null,
    requested_by text not null check (requested_by <> ''),
    requested_at timestamptz not null default now(), note text
);
create index credit_requests_line on ops.credit_requests (line_key);
"""

LEDGER = """
create table ops.publications (
    document_key text primary key, external_id text not null unique,
    service text not null, partner_id bigint not null,
    billing_period_start timestamptz not null, billing_period_end timestamptz not null,
    currency text not null,
    move_type text not null check (move_type in ('out_invoice', 'out_refund')),
    document_number int not null,
    state text not null check (state in
        ('claimed', 'sent', 'confirmed', 'quarantined', 'released')),
    payload jsonb not null, payload_hash text not null,
    expected_untaxed_amount numeric not null, expected_tax_amount numeric not null,
    expected_total_amount numeric not null, rounding_method text not null,
    invoice_date date not null, invoice_date_due date not null,
    reversed_entry_id bigint, reversed_document_key text references ops.publications,
    odoo_id bigint, odoo_name text, odoo_state text, odoo_payment_state text,
    odoo_untaxed_amount numeric, odoo_tax_amount numeric, odoo_total_amount numeric,
    odoo_write_date timestamptz, finding text, last_read_at timestamptz,
    attempts int not null default 0, run_id text, claimed_by text,
    claimed_at timestamptz not null default now(), sent_at timestamptz,
    confirmed_at timestamptz, released_at timestamptz, released_by text, note text,
    unique (service, partner_id, billing_period_start, billing_period_end, currency, move_type,
        document_number)
);
create index publications_unfinished on ops.publications (claimed_at)
    where state in ('claimed', 'sent');
create index publications_odoo on ops.publications (odoo_id);

create table ops.publication_lines (
    document_key text not null references ops.publications,
    line_key text not null, content_hash text not null, line_number int not null,
    odoo_line_id bigint, released_at timestamptz,
    service text not null, subscription_id text not null, external_subscription_id text not null,
    kind text not null, charge text, metric text, plan_code text, segment_start timestamptz,
    service_period_start timestamptz not null, service_period_end timestamptz not null,
    corrects_period_start timestamptz, adjustment_number int, description text not null,
    quantity numeric, unit_price numeric, amount numeric not null, currency text not null,
    tax_ids bigint[] not null, partner_id bigint not null, content jsonb not null,
    primary key (document_key, line_key), unique (document_key, line_number)
);
create unique index publication_lines_one_document on ops.publication_lines (line_key)
    where released_at is null;
create index publication_lines_subscription
    on ops.publication_lines (subscription_id, service_period_start);

create table ops.publication_events (
    event_id bigint generated always as identity primary key,
    document_key text references ops.publications, event text not null,
    at timestamptz not null default clock_timestamp(), run_id text, by text, detail jsonb
);
create index publication_events_document on ops.publication_events (document_key, event_id);
create index publication_events_run on ops.publication_events (run_id);
"""

WEBHOOKS = """
create table ops.lifecycle_events (
    event_id text primary key, event_type text not null, service text not null,
    external_subscription_id text not null, deployment_id text, subject text not null,
    cause text not null, occurred_at timestamptz not null, payload jsonb not null, reason text,
    emitted_at timestamptz not null default now()
);

create sequence ops.webhook_delivery_sequence;
create table ops.webhook_deliveries (
    delivery_id bigint generated always as identity primary key,
    event_id text not null references ops.lifecycle_events, service text not null,
    url_name text not null, state text not null default 'pending' check (state in
        ('pending', 'delivering', 'delivered', 'dead', 'disabled')),
    sequence bigint not null default nextval('ops.webhook_delivery_sequence'),
    attempts int not null default 0, next_attempt_at timestamptz default now(),
    claimed_by text, claimed_at timestamptz, delivered_at timestamptz,
    last_status int, last_error text, unique (event_id, url_name)
);
create index webhook_deliveries_due on ops.webhook_deliveries (state, next_attempt_at);

create table ops.webhook_attempts (
    attempt_id bigint generated always as identity primary key,
    delivery_id bigint not null references ops.webhook_deliveries,
    attempted_at timestamptz not null default now(), duration_ms bigint, status int,
    error text, response_body text, signature_version text
);
create index webhook_attempts_delivery on ops.webhook_attempts (delivery_id);
"""

# Odoo's rights cannot keep a ledger honest, and neither can a convention: the database does.
GUARDS = """
create function ops.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'ops.% keeps what was decided: % is refused, add a new row instead',
        tg_table_name, lower(tg_op) using errcode = 'insufficient_privilege';
end $$;

create function ops.keep_frozen() returns trigger language plpgsql as $$
declare
    changeable text[] := string_to_array(tg_argv[0], ',');
begin
    if (to_jsonb(new) - changeable) is distinct from (to_jsonb(old) - changeable) then
        raise exception 'ops.% was frozen at claim: only % may change', tg_table_name, tg_argv[0]
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;

create function ops.keep_states() returns trigger language plpgsql as $$
begin
    if new.state = old.state or (old.state, new.state) in (
        ('claimed', 'sent'), ('claimed', 'quarantined'), ('sent', 'confirmed'),
        ('sent', 'quarantined'), ('quarantined', 'released'), ('confirmed', 'released')
    ) then
        return new;
    end if;
    raise exception 'publication %: % cannot become %', old.document_key, old.state, new.state
        using errcode = 'check_violation';
end $$;

create trigger keep_states before update on ops.publications
    for each row execute function ops.keep_states();
create trigger keep_frozen before update on ops.publications
    for each row execute function ops.keep_frozen('state,odoo_id,odoo_name,odoo_state,'
        'odoo_payment_state,odoo_untaxed_amount,odoo_tax_amount,odoo_total_amount,'
        'odoo_write_date,finding,last_read_at,attempts,sent_at,confirmed_at,released_at,'
        'released_by,note');
create trigger keep_frozen before update on ops.publication_lines
    for each row execute function ops.keep_frozen('odoo_line_id,released_at');
"""

APPEND_ONLY = (
    "cutover_gates",
    "cause_acceptances",
    "exception_acknowledgements",
    "approval_policies",
    "line_approvals",
    "termination_releases",
    "credit_requests",
    "publication_events",
    "lifecycle_events",
    "webhook_attempts",
)
NEVER_DELETED = ("publications", "publication_lines", "webhook_deliveries")


def upgrade() -> None:
    """Create everything; each table says what it keeps."""
    for block in (LOADS, DECISIONS, LEDGER, WEBHOOKS, GUARDS):
        op.execute(block)
    for table in APPEND_ONLY:
        _guard(table, "update or delete")
    for table in NEVER_DELETED:
        _guard(table, "delete")


def _guard(table: str, operations: str) -> None:
    op.execute(
        f"create trigger append_only before {operations} on ops.{table} "
        "for each row execute function ops.refuse_change()"
    )
    op.execute(
        f"create trigger never_emptied before truncate on ops.{table} "
        "for each statement execute function ops.refuse_change()"
    )


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
