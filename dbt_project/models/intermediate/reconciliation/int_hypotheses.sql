{{ config(post_hook='analyze {{ this }}') }}

-- Every single supposition that a stored fact allows. No free parameter: a plan that the invoice names,
-- a price that was in force once, the other policies, the app's own quantity.
with differences as (

    select * from {{ ref('int_open_differences') }}

),

all_segments as (

    select * from {{ ref('int_hypothesis_segments') }}

),

prices as (

    select * from {{ ref('int_hypothesis_prices') }}

),

usage as (

    select *
    from {{ ref('int_hypothesis_usage') }}
    where span_variant = 'own'

),

causes as (

    select * from {{ ref('causes') }}

),

segments as (

    select *
    from all_segments
    where plan_variant = 'held'

),

own_shapes as (

    select
        difference_number,
        min(segment_start) as held_start,
        max(segment_end) as held_end,
        count(*) > 1 or min(numerator / denominator) < 1 as is_partial
    from segments
    where segmentation = 'own'
    group by difference_number

),

exact_shapes as (

    select
        difference_number,
        min(segment_start) as held_start,
        max(segment_end) as held_end,
        count(*) > 1
        or sum(held_seconds) < min(period_seconds)
            as is_partial
    from segments
    where cut = 'second'
    group by difference_number

),

late_usage as (

    select segments.difference_number
    from segments
    inner join usage on segments.segment_number = usage.segment_number
    where segments.segmentation = 'own'
    group by segments.difference_number
    having
        sum(usage.used_quantity) filter (where usage.usage_variant = 'own')
        <> coalesce(sum(usage.used_quantity) filter (where usage.usage_variant = 'late'), 0)

),

named_plans as (

    select distinct difference_number
    from all_segments
    where plan_variant = 'named'

),

-- Which suppositions a stored fact allows at all.
facts as (

    select
        differences.difference_number,
        own_shapes.is_partial or coalesce(exact_shapes.is_partial, false) as is_partial,
        differences.invoiced_start not in (
            differences.period_start, own_shapes.held_start,
            coalesce(exact_shapes.held_start, own_shapes.held_start)
        )
        or differences.invoiced_end not in (
            differences.period_end, own_shapes.held_end,
            coalesce(exact_shapes.held_end, own_shapes.held_end)
        ) as has_other_span,
        named_plans.difference_number is not null as has_named_plan,
        late_usage.difference_number is not null as has_late_usage,
        differences.has_usage_item
    from differences
    inner join own_shapes on differences.difference_number = own_shapes.difference_number
    left join exact_shapes on differences.difference_number = exact_shapes.difference_number
    left join named_plans on differences.difference_number = named_plans.difference_number
    left join late_usage on differences.difference_number = late_usage.difference_number

),

-- The other instants whose prices differ from ours for a charge of the difference.
price_variants as (

    select distinct
        segments.difference_number,
        'price_version' as cause,
        others.price_variant as variant,
        array_position(array['older', 'newer', 'app'], others.price_variant) as variant_order
    from segments
    inner join prices as own
        on segments.segment_number = own.segment_number and own.price_variant = 'own'
    inner join prices as others
        on
            own.segment_number = others.segment_number
            and own.charge = others.charge
            and own.price_key <> others.price_key

),

proration_variants as (

    select distinct
        segments.difference_number,
        'proration' as cause,
        segments.segmentation as variant,
        array_position(array['day', 'second', 'none'], segments.segmentation) as variant_order
    from segments
    inner join facts on segments.difference_number = facts.difference_number
    where segments.segmentation <> 'own' and facts.is_partial

),

invoiced_quantities as (

    select distinct
        segments.difference_number,
        'quantity' as cause,
        'as_invoiced' as variant,
        1 as variant_order
    from segments
    inner join usage on segments.segment_number = usage.segment_number
    where usage.usage_variant = 'as_invoiced'

),

possible as (

    select
        facts.difference_number,
        offered.cause,
        offered.variant,
        offered.variant_order
    from facts
    inner join (
        values
        ('plan_mismatch', 'named', 1),
        ('boundary', 'as_invoiced', 1),
        ('quota', 'zero', 1),
        ('quota', 'unprorated', 2),
        ('missing_usage', 'none', 1),
        ('missing_usage', 'late', 2)
    ) as offered (cause, variant, variant_order)
        on
            (offered.cause = 'plan_mismatch' and facts.has_named_plan)
            or (offered.cause = 'boundary' and facts.has_other_span)
            or (offered.cause = 'quota' and (offered.variant = 'zero' or facts.is_partial))
            or (offered.variant = 'none' and not facts.has_usage_item)
            or (offered.variant = 'late' and facts.has_late_usage)

),

supposed as (

    select * from possible
    union all
    select * from price_variants
    union all
    select * from proration_variants
    union all
    select * from invoiced_quantities

),

final as (

    select
        supposed.difference_number,
        supposed.cause,
        supposed.variant,
        causes.cause_order * 10 + supposed.variant_order as hypothesis_order,
        case when supposed.cause = 'plan_mismatch' then supposed.variant end as plan_variant,
        case when supposed.cause = 'price_version' then supposed.variant end as price_variant,
        case when supposed.cause = 'boundary' then supposed.variant end as span_variant,
        case when supposed.cause = 'proration' then supposed.variant end as segmentation,
        case when supposed.cause = 'quota' then supposed.variant end as quota_variant,
        case when supposed.cause in ('missing_usage', 'quantity') then supposed.variant end
            as usage_variant
    from supposed
    inner join causes on supposed.cause = causes.cause

)

select * from final
