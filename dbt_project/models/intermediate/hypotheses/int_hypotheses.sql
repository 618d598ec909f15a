{{ config(post_hook='analyze {{ this }}') }}

-- Every single supposition that a stored fact of the key allows. No free parameter: a plan that the
-- invoice names, a price that was in force once, the other policies, the app's own quantity.
with facts as (

    select * from {{ ref('int_hypothesis_facts') }}

),

causes as (

    select * from {{ ref('causes') }}

),

segments as (

    select *
    from {{ ref('int_hypothesis_segments') }}
    where plan_variant = 'held'

),

prices as (

    select * from {{ ref('int_hypothesis_prices') }}

),

said_usage as (

    select * from {{ ref('int_hypothesis_said_usage') }}

),

price_variants as (

    select distinct
        segments.rest_number,
        others.price_variant as variant
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
        rest_number,
        segmentation as variant
    from segments
    where segmentation <> 'own'

),

supposed as (

    select
        rest_number, 'plan_mismatch' as cause, 'named' as variant,
        1 as variant_order
    from facts
    where has_named_plan
    union all
    select
        rest_number, 'price_version', variant,
        array_position(array['older', 'newer', 'app'], variant)
    from price_variants
    union all
    select rest_number, 'boundary', 'said', 1
    from facts
    where has_other_span
    union all
    select
        facts.rest_number, 'proration',
        proration_variants.variant,
        array_position(array['day', 'second', 'none'], proration_variants.variant)
    from facts
    inner join proration_variants on facts.rest_number = proration_variants.rest_number
    where facts.is_partial
    union all
    select
        facts.rest_number, 'quota',
        quota.variant, quota.variant_order
    from facts
    cross join (values ('zero', 1), ('unprorated', 2)) as quota (variant, variant_order)
    where quota.variant = 'zero' or facts.is_partial
    union all
    select rest_number, 'missing_usage', 'none', 1
    from facts
    where not has_usage_item
    union all
    select rest_number, 'missing_usage', 'late', 2
    from facts
    where has_late_usage
    union all
    select distinct segments.rest_number, 'quantity', 'said', 1
    from segments
    inner join said_usage on segments.segment_number = said_usage.segment_number

),

final as (

    select
        supposed.rest_number,
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
