-- A plan without a price, or a code that matches nothing, bills nothing and tells nobody: months were
-- lost that way when a plan was renamed. What is held outside a trial is rated, or somebody is asked.
with segments as (

    select *
    from {{ ref('int_subscription_segments') }}
    where not is_trial and period_type in ('all', 'base')

),

fees as (

    select *
    from {{ ref('int_rated_lines') }}
    where kind = 'base'

),

exceptions as (

    select distinct subscription_id
    from {{ ref('fct_exceptions') }}
    where is_blocking and subscription_id is not null

)

select
    segments.subscription_id,
    segments.segment_start,
    segments.plan_id,
    segments.plan_code
from segments
left join fees
    on
        segments.subscription_id = fees.subscription_id
        and segments.period_type = fees.period_type
        and segments.segment_start = fees.segment_start
left join exceptions on segments.subscription_id = exceptions.subscription_id
where fees.subscription_id is null and exceptions.subscription_id is null
