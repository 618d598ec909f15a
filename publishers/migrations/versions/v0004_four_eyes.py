"""Four eyes: a policy of the service goes before the one for all services, as in the marts.

Revision: 0004, after 0003.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# A reject or revoke annuls the approvals before it. A policy is an approver, but no person: above
# the four-eyes amount two different people are needed.
APPROVAL_STATUS = """
create or replace view ops.line_approval_status as
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
left join lateral (
    select policies.four_eyes_amount
    from policies
    where policies.currency = standing.currency
        and (policies.service = standing.service or policies.service is null)
    order by policies.service nulls last
    limit 1
) as policy on true
cross join lateral (
    select case when absolute_amount >= policy.four_eyes_amount then 2 else 1 end
) as requirement (required);
"""


def upgrade() -> None:
    """The same view with another way to find the policy."""
    op.execute(APPROVAL_STATUS)


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
