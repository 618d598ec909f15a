-- A gap between periods is usage that nobody pays, an overlap is usage that is paid twice. Fees and
-- usage each have their own stream of periods; both must cover the subscription from its start to
-- as_of or its end.
with streams as (

    select
        *,
        'fees' as stream
    from {{ ref('int_subscription_periods') }}
    where period_type in ('all', 'base')
    union all
    select
        *,
        'usage' as stream
    from {{ ref('int_subscription_periods') }}
    where period_type in ('all', 'usage')

),

neighbours as (

    select
        *,
        lag(period_end) over (partition by subscription_id, stream order by period_start)
            as previous_end
    from streams

),

covered as (

    select
        subscription_id,
        stream,
        min(period_start) as first_start,
        max(period_end) as last_end
    from streams
    group by subscription_id, stream

)

select
    subscription_id,
    stream,
    period_start,
    'gap, overlap or empty' as problem
from neighbours
where (period_start < period_end) is not true or period_start <> previous_end
union all
select
    subscriptions.subscription_id,
    covered.stream,
    covered.first_start as period_start,
    'not covered from its start to its end' as problem
from {{ ref('int_subscriptions') }} as subscriptions
left join covered on subscriptions.subscription_id = covered.subscription_id
where
    subscriptions.problem is null
    and subscriptions.held_from <= {{ as_of() }}
    and (
        covered.subscription_id is null
        or covered.first_start > subscriptions.held_from
        or covered.last_end < least({{ as_of() }}, subscriptions.held_until)
    )
