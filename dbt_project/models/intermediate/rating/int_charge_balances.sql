{{ config(post_hook="{{ analyze_keys('subscription_id, service_period_start, currency, charge, is_billed') }}") }}

with rated_lines as (

    select * from {{ ref('int_rated_lines') }}

),

billed_lines as (

    select * from {{ ref('int_billed_lines') }}

),

-- A credit is a person's gift, not a price: it is no reason to bill the same again.
rated as (

    select
        subscription_id,
        service_period_start,
        currency,
        charge,
        max(service_period_end) as service_period_end,
        (array_agg(plan_code order by segment_start desc))[1] as plan_code,
        (array_agg(metric order by segment_start desc))[1] as metric,
        min(segment_start) as rated_from,
        max(segment_end) as rated_until,
        bool_or(is_assumed_price) as is_assumed_price,
        sum(amount) as rated_amount
    from rated_lines
    group by subscription_id, service_period_start, currency, charge

),

billed as (

    select
        subscription_id,
        rated_period_start as service_period_start,
        currency,
        charge,
        max(service_period_end) as service_period_end,
        (array_agg(plan_code order by segment_start desc nulls last))[1] as plan_code,
        (array_agg(metric order by segment_start desc nulls last))[1] as metric,
        (array_agg(service))[1] as service,
        (array_agg(external_subscription_id))[1] as external_subscription_id,
        sum(amount) filter (where kind <> 'credit') as billed_amount,
        sum(amount) filter (where kind = 'credit') as credited_amount,
        max(coalesce(adjustment_number, 0)) filter (where kind <> 'credit')
            as last_adjustment_number
    from billed_lines
    group by subscription_id, rated_period_start, currency, charge
    having count(*) filter (where kind <> 'credit') > 0

),

final as (

    select
        coalesce(rated.subscription_id, billed.subscription_id) as subscription_id,
        coalesce(rated.service_period_start, billed.service_period_start) as service_period_start,
        coalesce(rated.service_period_end, billed.service_period_end) as service_period_end,
        coalesce(rated.currency, billed.currency) as currency,
        coalesce(rated.charge, billed.charge) as charge,
        coalesce(rated.plan_code, billed.plan_code) as plan_code,
        coalesce(rated.metric, billed.metric) as metric,
        billed.service,
        billed.external_subscription_id,
        rated.rated_from,
        rated.rated_until,
        billed.service_period_end as billed_until,
        coalesce(rated.is_assumed_price, false) as is_assumed_price,
        coalesce(rated.rated_amount, 0) as rated_amount,
        coalesce(billed.billed_amount, 0) as billed_amount,
        rated.subscription_id is not null as is_rated,
        billed.subscription_id is not null as is_billed,
        coalesce(billed.last_adjustment_number, 0) as last_adjustment_number,
        -- Time that is not rated at all is given back once: less what people gave back of it.
        coalesce(rated.rated_amount, 0) - coalesce(billed.billed_amount, 0)
        - case when rated.subscription_id is null then coalesce(billed.credited_amount, 0) else 0 end
            as difference_amount
    from rated
    full outer join billed
        on
            rated.subscription_id = billed.subscription_id
            and rated.service_period_start = billed.service_period_start
            and rated.currency = billed.currency
            and rated.charge = billed.charge

)

select * from final
