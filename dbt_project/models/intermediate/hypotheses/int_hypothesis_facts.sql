{{ config(post_hook='analyze {{ this }}') }}

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
    where span_variant = 'own'

),

own_shapes as (

    select
        rest_number,
        min(segment_start) as held_start,
        max(segment_end) as held_end,
        count(*) > 1 or min(numerator / denominator) < 1 as is_partial
    from segments
    group by rest_number

),

exact_shapes as (

    select
        rest_number,
        min(segment_start) as held_start,
        max(segment_end) as held_end,
        count(*) > 1
        or sum(held_seconds) < min(period_seconds)
            as is_partial
    from cuts
    group by rest_number

),

late_usage as (

    select segments.rest_number
    from segments
    inner join usage on segments.segment_number = usage.segment_number
    group by segments.rest_number
    having
        sum(usage.used_quantity) filter (where usage.usage_variant = 'own')
        <> coalesce(sum(usage.used_quantity) filter (where usage.usage_variant = 'late'), 0)

),

final as (

    select
        rests.rest_number,
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
        late_usage.rest_number is not null as has_late_usage,
        rests.has_usage_item
    from rests
    inner join own_shapes on rests.rest_number = own_shapes.rest_number
    left join exact_shapes on rests.rest_number = exact_shapes.rest_number
    left join named on rests.rest_number = named.rest_number
    left join late_usage on rests.rest_number = late_usage.rest_number

)

select * from final
