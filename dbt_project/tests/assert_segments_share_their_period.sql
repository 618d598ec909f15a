-- Two plans that both charge the switch day bill a period at more than its price; a day that neither
-- charges is given away. Segments never overlap, never leave their period, and their fractions never
-- exceed it.
with segments as (

    select
        *,
        lag(segment_end) over (
            partition by subscription_id, period_type
            order by segment_start
        ) as previous_end
    from {{ ref('int_subscription_segments') }}

),

shares as (

    select
        subscription_id,
        period_type,
        period_start,
        sum(fraction_numerator) as numerator,
        max(fraction_denominator) as denominator,
        min(proration) as proration
    from segments
    group by subscription_id, period_type, period_start

)

select
    subscription_id,
    period_type,
    period_start,
    'overlap or outside' as problem
from segments
where
    segment_start >= segment_end
    or segment_start < previous_end
    or segment_start < period_start
    or segment_end > period_end
union all
select
    subscription_id,
    period_type,
    period_start,
    'more than the whole' as problem
from shares
where numerator > denominator or (proration = 'none' and numerator <> denominator)
