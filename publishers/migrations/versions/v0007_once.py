"""Who sent each document, and what of the released ones is back.

Revision: 0007, after 0006.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Whoever ever published may not post: the user may have changed since.
SENT_BY = "alter table ops.publications add column sent_uid bigint"

FINDINGS = """
create or replace view ops.publication_findings as
select
    publications.document_key, service, partner_id, billing_period_start, billing_period_end,
    currency, move_type, state, odoo_id, odoo_name, odoo_state, odoo_payment_state,
    expected_total_amount, odoo_total_amount,
    case when state = 'quarantined' then 'quarantined' else finding end as finding,
    state = 'quarantined' or finding in (
        'posted_by_bot', 'edited', 'cancelled', 'deleted', 'released_document_is_back'
    ) as is_alarm,
    last_read_at, latest.at as found_at, latest.detail
from ops.publications
left join lateral (
    select events.at, events.detail
    from ops.publication_events as events
    where events.document_key = publications.document_key
        and events.event in ('quarantined', 'finding')
    order by events.event_id desc
    limit 1
) as latest on true
where state = 'quarantined' or (finding is not null and state = 'confirmed')
    or (finding = 'released_document_is_back' and state = 'released');
"""


def upgrade() -> None:
    """A column, and released documents among the findings."""
    op.execute(SENT_BY)
    op.execute(FINDINGS)


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
