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

said_usage as (

    select * from {{ ref('int_hypothesis_said_usage') }}

),

price_variants as (

    select * from {{ ref('int_hypothesis_price_variants') }}

),

proration_variants as (

    select distinct
        segments.rest_number,
        'proration' as cause,
        segments.segmentation as variant,
        array_position(array['day', 'second', 'none'], segments.segmentation) as variant_order
    from segments
    inner join facts on segments.rest_number = facts.rest_number
    where segments.segmentation <> 'own' and facts.is_partial

),

said_quantities as (

    select distinct
        segments.rest_number,
        'quantity' as cause,
        'said' as variant,
        1 as variant_order
    from segments
    inner join said_usage on segments.segment_number = said_usage.segment_number

),

possible as (

    select
        facts.rest_number,
        offered.cause,
        offered.variant,
        offered.variant_order
    from facts
    inner join (
        values
        ('plan_mismatch', 'named', 1),
        ('boundary', 'said', 1),
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
    select * from said_quantities

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
