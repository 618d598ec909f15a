"""Policies add up, four eyes count people, and a rejection concerns all that a line said before.

Revision: 0010, after 0009.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# What is on record was superseded by its successor, which now says so; a four-eyes amount that was
# lifted by a successor without saying so stays, as a policy of its own.
POLICIES = """
alter table ops.approval_policies add column replaces text[] not null default '{}';
alter table ops.approval_policies disable trigger append_only;
alter table ops.approval_policies disable trigger stamp;
with scopes as (
    select coalesce(service, '') as scope, upper(currency) as scope_currency,
        max(policy_id) as newest_id, min(four_eyes_amount) as strictest_amount
    from ops.approval_policies
    group by 1, 2
)

insert into ops.approval_policies
    (policy_version, service, currency, four_eyes_amount, decided_by, note)
select 'still ' || newest.policy_version, newest.service, upper(newest.currency), strictest_amount,
    newest.decided_by, 'an earlier four-eyes amount, which no later version named as replaced'
from scopes
inner join ops.approval_policies as newest on scopes.newest_id = newest.policy_id
where scopes.strictest_amount < newest.four_eyes_amount
    or (newest.four_eyes_amount is null and scopes.strictest_amount is not null);

update ops.approval_policies as newest
set replaces = older.versions, currency = upper(currency)
from (
    select coalesce(service, '') as scope, upper(currency) as scope_currency,
        max(policy_id) as newest_id, array_agg(policy_version) as versions
    from ops.approval_policies
    where policy_version not like 'still %'
    group by 1, 2
) as older
where newest.policy_id = older.newest_id;
update ops.approval_policies set replaces = array_remove(replaces, policy_version);
alter table ops.approval_policies enable trigger append_only;
alter table ops.approval_policies enable trigger stamp;

create view ops.policies_in_force as
select policies.*
from ops.approval_policies as policies
where not exists (
    select from ops.approval_policies as newer
    where policies.policy_version = any (newer.replaces)
);

create function ops.verify_policy() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp as $$
declare
    replaced text;
begin
    new.currency := upper(btrim(new.currency));
    if new.currency !~ '^[A-Z]{3}$' then
        raise exception '"%" is no currency', new.currency using errcode = 'check_violation';
    end if;
    if not coalesce(new.within_percent between 0 and 100, true)
        or not coalesce(new.four_eyes_amount >= 0 and new.four_eyes_amount < 'Infinity', true) then
        raise exception 'a policy has a percentage of 0 to 100 and an amount of 0 or more'
            using errcode = 'check_violation';
    end if;
    foreach replaced in array new.replaces loop
        if not exists (
            select from ops.policies_in_force as policies
            where policies.policy_version = replaced and policies.currency = new.currency
                and policies.service is not distinct from new.service
        ) then
            raise exception 'policy % is not in force for the same service and currency', replaced
                using errcode = 'check_violation';
        end if;
    end loop;
    return new;
end $$;
create trigger verify before insert on ops.approval_policies
    for each row execute function ops.verify_policy();
"""

# An approval counts until its hash is revoked, or the line is rejected at any hash. People are
# counted by identity; decisions of before the list by their plain name. A policy is an approver,
# but no person.
APPROVAL_STATUS = """
create or replace view ops.line_approval_status as
with decisions as (
    select
        approvals.line_key, approvals.content_hash, approvals.approval_id, approvals.decision,
        approvals.decided_at, approvals.policy_version, approvals.amount, approvals.currency,
        approvals.content ->> 'service' as service,
        coalesce(people.name, ops.plain_name(approvals.decided_by)) as person,
        coalesce(people.name, approvals.decided_by) as decided_by,
        coalesce(max(approval_id) filter (where decision = 'reject')
            over (partition by line_key), 0) as rejected_id,
        coalesce(max(approval_id) filter (where decision = 'revoke')
            over (partition by line_key, content_hash), 0) as revoked_id
    from ops.line_approvals as approvals
    left join ops.identities as exact on approvals.decided_by = exact.name
    cross join lateral (
        select case
            when approvals.policy_version is not null then approvals.decided_by
            when exact.name is not null then exact.name
            else (
                select identities.name from ops.identities
                where ops.plain_name(approvals.decided_by)
                    in (identities.plain_name, identities.plain_email)
                limit 1
            )
        end
    ) as people (name)
),

standing as (
    select
        line_key, content_hash,
        count(distinct person) filter (where counts) as approver_count,
        count(distinct person) filter (where counts and policy_version is null)
            as person_count,
        string_agg(distinct decided_by, ', ') filter (where counts) as approved_by,
        max(decided_at) filter (where counts) as approved_at,
        max(rejected_id) as rejected_id, max(revoked_id) as revoked_id,
        greatest(max(approval_id), max(rejected_id)) as latest_id,
        max(upper(currency)) as currency, max(abs(amount)) as absolute_amount,
        max(service) as service
    from decisions
    cross join lateral (
        select decision = 'approve' and approval_id > greatest(rejected_id, revoked_id)
    ) as standing_decision (counts)
    group by line_key, content_hash
)

select
    standing.line_key, standing.content_hash,
    case
        when approver_count = 0 and rejected_id > revoked_id then 'rejected'
        when approver_count = 0 then 'revoked'
        when (required = 1 and approver_count >= 1) or person_count >= 2 then 'approved'
        else 'waiting'
    end as approval_state,
    (required = 1 and approver_count >= 1) or person_count >= 2 as is_approved,
    required as required_approver_count, person_count, approved_by, approved_at,
    latest.decision as latest_decision, latest.decided_by as latest_decided_by,
    latest.decided_at as latest_decided_at, latest.note as latest_note
from standing
inner join ops.line_approvals as latest on standing.latest_id = latest.approval_id
cross join lateral (
    select min(policies.four_eyes_amount) as four_eyes_amount
    from ops.policies_in_force as policies
    where policies.currency = standing.currency
        and (policies.service = coalesce(standing.service, policies.service)
            or policies.service is null)
) as policy
cross join lateral (
    select case when coalesce(absolute_amount >= policy.four_eyes_amount,
        policy.four_eyes_amount is not null) then 2 else 1 end
) as requirement (required);
"""


def upgrade() -> None:
    """What stays in force, and who has approved what."""
    op.execute(POLICIES)
    op.execute(APPROVAL_STATUS)


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
