{{ config(post_hook='analyze {{ this }}') }}

-- The one plan that an invoice names for a period in which the subscription held something else.
with rests as (

    select * from {{ ref('int_reconciliation_rests') }}

),

segments as (

    select * from {{ ref('int_subscription_segments') }}

),

held as (

    select
        rests.rest_number,
        rests.named_plan_codes[1] as plan_code,
        array_agg(distinct segments.plan_code) as held_plan_codes
    from rests
    inner join segments
        on
            rests.subscription_id = segments.subscription_id
            and rests.period_start = segments.period_start
            and rests.period_end = segments.period_end
    where cardinality(rests.named_plan_codes) = 1 and not segments.is_trial
    group by rests.rest_number, rests.named_plan_codes

),

final as (

    select
        rest_number,
        plan_code,
        held_plan_codes
    from held
    where held_plan_codes <> array[plan_code]

)

select * from final
