-- Exists for the failure in which causes of a key without a row vanish from every report: each of
-- them must stand beside a key that has a delta.
with reconciliation as (

    select * from {{ ref('fct_reconciliation') }}

),

causes as (

    select * from {{ ref('fct_reconciliation_causes') }}

)

select
    causes.subscription_id,
    causes.period_start,
    causes.cause
from causes
left join reconciliation
    on
        causes.subscription_id = reconciliation.subscription_id
        and causes.period_start = reconciliation.period_start
        and causes.period_end = reconciliation.period_end
where reconciliation.subscription_id is null
