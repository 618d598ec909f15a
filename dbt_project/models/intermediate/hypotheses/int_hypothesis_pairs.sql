{{ config(post_hook='analyze {{ this }}') }}

-- Two suppositions at once, only for the keys that no single one reaches.
with rests as (

    select * from {{ ref('int_reconciliation_rests') }}

),

hypotheses as (

    select * from {{ ref('int_hypotheses') }}

),

singles as (

    select * from {{ ref('int_hypothesis_singles') }}

),

open_keys as (

    select rest_number
    from singles
    group by rest_number
    having not bool_or(is_reached)

),

-- A quantity that is the app's own leaves no room for a quota or for other usage.
sets as (

    select
        first_ones.rest_number,
        first_ones.hypothesis_order * 1000 + second_ones.hypothesis_order as set_key,
        first_ones.hypothesis_order as first_key,
        first_ones.cause as first_cause,
        first_ones.variant as first_variant,
        second_ones.cause as second_cause,
        second_ones.variant as second_variant,
        coalesce(first_ones.plan_variant, second_ones.plan_variant) as plan_variant,
        coalesce(first_ones.price_variant, second_ones.price_variant) as price_variant,
        coalesce(first_ones.span_variant, second_ones.span_variant) as span_variant,
        coalesce(first_ones.segmentation, second_ones.segmentation) as segmentation,
        coalesce(first_ones.quota_variant, second_ones.quota_variant) as quota_variant,
        coalesce(first_ones.usage_variant, second_ones.usage_variant) as usage_variant
    from open_keys
    inner join hypotheses as first_ones on open_keys.rest_number = first_ones.rest_number
    inner join hypotheses as second_ones
        on
            first_ones.rest_number = second_ones.rest_number
            and first_ones.hypothesis_order < second_ones.hypothesis_order
            and first_ones.cause <> second_ones.cause
    where not (
        second_ones.cause = 'quantity'
        and first_ones.cause in ('quota', 'missing_usage', 'boundary')
    )

),

rated as (

    select * from {{ rate_hypotheses('sets') }} as hypothetical

),

final as (

    select
        rated.*,
        rests.said_amount,
        abs(rated.rated_amount - rests.said_amount) <= rests.line_count * rests.cent
            as is_reached
    from rated
    inner join rests on rated.rest_number = rests.rest_number

)

select * from final
