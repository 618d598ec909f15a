{{ config(post_hook='analyze {{ this }}') }}

-- Each published line under the key that it is compared on: the period that it was made for or
-- corrects. Where that period has another end today (the plan's interval changed in it, and showed
-- late), the rating's end counts, or line and rating would stand on two keys.
with published_lines as (

    select * from {{ ref('int_published_lines') }}

),

balances as (

    select * from {{ ref('int_charge_balances') }}

),

final as (

    select
        published_lines.*,
        coalesce(published_lines.corrects_period_start, published_lines.service_period_start)
            as period_start,
        coalesce(balances.service_period_end, published_lines.service_period_end) as period_end
    from published_lines
    left join balances
        on
            published_lines.subscription_id = balances.subscription_id
            and coalesce(published_lines.corrects_period_start, published_lines.service_period_start)
            = balances.service_period_start
            and published_lines.currency = balances.currency
            and published_lines.charge = balances.charge

)

select * from final
