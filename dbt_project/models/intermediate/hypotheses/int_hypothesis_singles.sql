{{ config(post_hook='analyze {{ this }}') }}

-- Each open key rated as it is and under every single supposition.
with rests as (

    select * from {{ ref('int_reconciliation_rests') }}

),

hypotheses as (

    select * from {{ ref('int_hypotheses') }}

),

sets as (

    select
        rest_number,
        0 as set_key,
        null::text as cause,
        null::text as variant,
        null::text as plan_variant,
        null::text as price_variant,
        null::text as span_variant,
        null::text as segmentation,
        null::text as quota_variant,
        null::text as usage_variant
    from rests
    union all
    select
        rest_number,
        hypothesis_order as set_key,
        cause,
        variant,
        plan_variant,
        price_variant,
        span_variant,
        segmentation,
        quota_variant,
        usage_variant
    from hypotheses

),

rated as (

    select * from {{ rate_hypotheses('sets') }} as hypothetical

),

final as (

    select
        rated.*,
        rests.said_amount,
        -- A cent a line is rounding, whatever else is true.
        abs(rated.rated_amount - rests.said_amount) <= rests.line_count * rests.cent
            as is_reached
    from rated
    inner join rests on rated.rest_number = rests.rest_number

)

select * from final
