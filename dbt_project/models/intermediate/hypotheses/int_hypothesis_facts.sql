-- Of each open key: which suppositions does a stored fact allow at all?
with rests as (

    select * from {{ ref('int_reconciliation_rests') }}

),

segments as (

    select *
    from {{ ref('int_hypothesis_segments') }}
    where plan_variant = 'held' and segmentation = 'own'

),

cuts as (

    select *
    from {{ ref('int_hypothesis_cuts') }}
    where cut = 'second'

),

named as (

    select * from {{ ref('int_reconciliation_named_plans') }}

),

usage as (

    select *
    from {{ ref('int_hypothesis_usage') }}
    where segmentation = 'own' and plan_variant = 'held' and span_variant = 'own'

),

own_shapes as (

    select
        subscription_id,
        period_start,
        period_end,
        min(segment_start) as held_start,
        max(segment_end) as held_end,
        count(*) > 1 or min(numerator / denominator) < 1 as is_partial
    from segments
    group by subscription_id, period_start, period_end

),

exact_shapes as (

    select
        subscription_id,
        period_start,
        period_end,
        min(segment_start) as held_start,
        max(segment_end) as held_end,
        count(*) > 1
        or sum({{ seconds_between('segment_start', 'segment_end') }}) < min(period_seconds)
            as is_partial
    from cuts
    group by subscription_id, period_start, period_end

),

late_usage as (

    select
        subscription_id,
        period_start,
        period_end
    from usage
    group by subscription_id, period_start, period_end
    having
        sum(used_quantity) filter (where usage_variant = 'own')
        <> coalesce(sum(used_quantity) filter (where usage_variant = 'late'), 0)

),

final as (

    select
        rests.subscription_id,
        rests.period_start,
        rests.period_end,
        own_shapes.is_partial or coalesce(exact_shapes.is_partial, false) as is_partial,
        rests.said_start not in (
            rests.period_start, own_shapes.held_start,
            coalesce(exact_shapes.held_start, own_shapes.held_start)
        )
        or rests.said_end not in (
            rests.period_end, own_shapes.held_end,
            coalesce(exact_shapes.held_end, own_shapes.held_end)
        ) as has_other_span,
        named.plan_code is not null as has_named_plan,
        late_usage.subscription_id is not null as has_late_usage,
        rests.has_usage_item
    from rests
    inner join own_shapes
        on
            rests.subscription_id = own_shapes.subscription_id
            and rests.period_start = own_shapes.period_start
            and rests.period_end = own_shapes.period_end
    left join exact_shapes
        on
            rests.subscription_id = exact_shapes.subscription_id
            and rests.period_start = exact_shapes.period_start
            and rests.period_end = exact_shapes.period_end
    left join named
        on
            rests.subscription_id = named.subscription_id
            and rests.period_start = named.period_start
            and rests.period_end = named.period_end
    left join late_usage
        on
            rests.subscription_id = late_usage.subscription_id
            and rests.period_start = late_usage.period_start
            and rests.period_end = late_usage.period_end

)

select * from final
