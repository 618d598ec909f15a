-- Exists for the failure in which a difference looks explained because a cause was counted twice,
-- or lost: what the causes say and what they leave must be the whole delta, to the last digit.
with reconciliation as (

    select * from {{ ref('fct_reconciliation') }}

),

causes as (

    select
        subscription_id,
        period_start,
        period_end,
        sum(amount) as cause_amount
    from {{ ref('fct_reconciliation_causes') }}
    group by subscription_id, period_start, period_end

)

select
    reconciliation.subscription_id,
    reconciliation.period_start,
    reconciliation.delta_amount,
    causes.cause_amount,
    reconciliation.unexplained_amount
from reconciliation
left join causes
    on
        reconciliation.subscription_id = causes.subscription_id
        and reconciliation.period_start = causes.period_start
        and reconciliation.period_end = causes.period_end
where
    reconciliation.delta_amount
    <> coalesce(causes.cause_amount, 0) + reconciliation.unexplained_amount
    or reconciliation.delta_amount <> reconciliation.expected_amount
    - case reconciliation.compared_side
        when 'billed' then reconciliation.billed_amount
        else reconciliation.actual_amount
    end
