"""Who has approved what, by as many people as its amount requires; what went wrong afterwards.

Revision: 0003, after 0002.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# A reject or revoke annuls the approvals before it. A policy is an approver, but no person: above
# the four-eyes amount two different people are needed.
APPROVAL_STATUS = """
create view ops.line_approval_status as
with policies as (
    select distinct on (coalesce(service, ''), currency) service, currency, four_eyes_amount
    from ops.approval_policies
    order by coalesce(service, ''), currency, policy_id desc
),

decisions as (
    select
        approvals.*,
        max(approval_id) filter (where decision <> 'approve') over line as annulled_by_id,
        max(approval_id) over line as latest_id
    from ops.line_approvals as approvals
    window line as (partition by line_key, content_hash)
),

standing as (
    select
        line_key, content_hash,
        count(distinct lower(trim(decided_by))) filter (where counts) as approver_count,
        count(distinct lower(trim(decided_by))) filter (where counts and policy_version is null)
            as person_count,
        string_agg(distinct decided_by, ', ') filter (where counts) as approved_by,
        max(decided_at) filter (where counts) as approved_at,
        max(decision) filter (where approval_id = latest_id) as latest_decision,
        max(decided_by) filter (where approval_id = latest_id) as latest_decided_by,
        max(decided_at) filter (where approval_id = latest_id) as latest_decided_at,
        max(note) filter (where approval_id = latest_id) as latest_note,
        max(currency) as currency, max(abs(amount)) as absolute_amount,
        max(content ->> 'service') as service
    from decisions
    cross join lateral (
        select decision = 'approve' and approval_id > coalesce(annulled_by_id, 0)
    ) as standing_decision (counts)
    group by line_key, content_hash
)

select
    standing.line_key, standing.content_hash,
    case
        when latest_decision = 'reject' then 'rejected'
        when latest_decision = 'revoke' then 'revoked'
        when (required = 1 and approver_count >= 1) or person_count >= 2 then 'approved'
        else 'waiting'
    end as approval_state,
    latest_decision = 'approve'
    and ((required = 1 and approver_count >= 1) or person_count >= 2) as is_approved,
    required as required_approver_count, person_count, approved_by, approved_at,
    latest_decision, latest_decided_by, latest_decided_at, latest_note
from standing
cross join lateral (
    select case when exists (
        select from policies
        where policies.four_eyes_amount is not null
            and coalesce(standing.currency, policies.currency) = policies.currency
            and coalesce(standing.service, policies.service, '') = coalesce(
                policies.service, standing.service, '')
            and coalesce(absolute_amount, policies.four_eyes_amount) >= policies.four_eyes_amount
    ) then 2 else 1 end
) as requirement (required);
"""

FINDINGS = """
create view ops.publication_findings as
select
    publications.document_key, service, partner_id, billing_period_start, billing_period_end,
    currency, move_type, state, odoo_id, odoo_name, odoo_state, odoo_payment_state,
    expected_total_amount, odoo_total_amount,
    case when state = 'quarantined' then 'quarantined' else finding end as finding,
    state = 'quarantined' or finding in ('posted_by_bot', 'edited', 'cancelled', 'deleted')
        as is_alarm,
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
where state = 'quarantined' or (finding is not null and state = 'confirmed');
"""

# A run that takes over the unfinished documents of a dead one puts its own name on them.
TAKE_OVER = """
drop trigger keep_frozen on ops.publications;
create trigger keep_frozen before update on ops.publications
    for each row execute function ops.keep_frozen('state,odoo_id,odoo_name,odoo_state,'
        'odoo_payment_state,odoo_untaxed_amount,odoo_tax_amount,odoo_total_amount,'
        'odoo_write_date,finding,last_read_at,attempts,run_id,sent_at,confirmed_at,released_at,'
        'released_by,note');
"""


def upgrade() -> None:
    """Two views, and the run that drives a document may change."""
    for block in (APPROVAL_STATUS, FINDINGS, TAKE_OVER):
        op.execute(block)


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
