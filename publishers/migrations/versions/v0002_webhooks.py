"""Webhooks: order per subscription, a way past a dead letter, when a service was switched on.

Revision: 0002. A release of a termination now names the ending that it releases.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DELIVERIES = """
alter table ops.webhook_deliveries add column external_subscription_id text;
alter table ops.webhook_deliveries drop constraint webhook_deliveries_state_check;
alter table ops.webhook_deliveries add constraint webhook_deliveries_state_check check (state in
    ('pending', 'delivering', 'delivered', 'dead', 'disabled', 'discarded'));
update ops.webhook_deliveries as deliveries
    set external_subscription_id = events.external_subscription_id
    from ops.lifecycle_events as events where events.event_id = deliveries.event_id;
alter table ops.webhook_deliveries alter column external_subscription_id set not null;

create index webhook_deliveries_unfinished
    on ops.webhook_deliveries (service, external_subscription_id, sequence)
    where state not in ('delivered', 'discarded');
create index webhook_deliveries_pending on ops.webhook_deliveries (sequence)
    where state = 'pending';
create index lifecycle_events_subject on ops.lifecycle_events (subject);
"""

ACTIVATIONS = """
create table ops.webhook_activations (
    service text primary key, events_from timestamptz not null,
    recorded_at timestamptz not null default now()
);
create trigger append_only before update or delete on ops.webhook_activations
    for each row execute function ops.refuse_change();
create trigger never_emptied before truncate on ops.webhook_activations
    for each statement execute function ops.refuse_change();

alter table ops.termination_releases add column ended_at timestamptz;
"""


def upgrade() -> None:
    """Add what webhooks need."""
    op.execute(DELIVERIES)
    op.execute(ACTIVATIONS)


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
