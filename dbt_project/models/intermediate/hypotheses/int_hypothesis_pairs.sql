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

    select
        subscription_id,
        period_start,
        period_end
    from singles
    group by subscription_id, period_start, period_end
    having not bool_or(is_reached)

),

-- A quantity that is the app's own leaves no room for a quota or for other usage.
sets as (

    select
        first_ones.subscription_id,
        first_ones.period_start,
        first_ones.period_end,
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
    inner join hypotheses as first_ones
        on
            open_keys.subscription_id = first_ones.subscription_id
            and open_keys.period_start = first_ones.period_start
            and open_keys.period_end = first_ones.period_end
    inner join hypotheses as second_ones
        on
            first_ones.subscription_id = second_ones.subscription_id
            and first_ones.period_start = second_ones.period_start
            and first_ones.period_end = second_ones.period_end
            and first_ones.hypothesis_order < second_ones.hypothesis_order
            and first_ones.cause <> second_ones.cause
    where not (
        second_ones.cause = 'quantity' and first_ones.cause in ('quota', 'missing_usage', 'boundary')
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
    inner join rests
        on
            rated.subscription_id = rests.subscription_id
            and rated.period_start = rests.period_start
            and rated.period_end = rests.period_end

)

select * from final
