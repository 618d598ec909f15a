-- Two plans that both charge the switch day bill a period at more than its price; a day that neither
-- charges is given away. Pieces never overlap, never leave their period, all of one plan in a period
-- are one segment, and the fractions of a period never exceed it.
with pieces as (

    select
        *,
        lag(piece_end) over (
            partition by subscription_id, period_type
            order by piece_start
        ) as previous_end
    from {{ ref('int_segment_pieces') }}

),

segments as (

    select * from {{ ref('int_subscription_segments') }}

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
from pieces
where
    piece_start >= piece_end
    or piece_start < previous_end
    or piece_start < period_start
    or piece_end > period_end
union all
select
    subscription_id,
    period_type,
    period_start,
    'one plan rated twice' as problem
from segments
group by subscription_id, period_type, period_start, plan_id, is_trial
having count(*) > 1
union all
select
    subscription_id,
    period_type,
    period_start,
    'more than the whole' as problem
from shares
where numerator > denominator or (proration = 'none' and numerator is distinct from denominator)
