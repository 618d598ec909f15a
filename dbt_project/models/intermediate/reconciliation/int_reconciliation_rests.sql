{{ config(post_hook='analyze {{ this }}') }}

-- The keys whose delta the facts leave open: the only ones that are rated again.
with sides as (

    select * from {{ ref('int_reconciliation_sides') }}

),

facts as (

    select * from {{ ref('int_reconciliation_facts') }}

),

said as (

    select * from {{ ref('int_reconciliation_said') }}

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

fact_totals as (

    select
        subscription_id,
        period_start,
        period_end,
        sum(amount) as explained_amount
    from facts
    group by subscription_id, period_start, period_end

),

final as (

    select
        -- One number a key, so that everything that follows joins on one column.
        row_number() over (order by sides.subscription_id, sides.period_start, sides.period_end)
            as rest_number,
        sides.service,
        sides.subscription_id,
        sides.period_start,
        sides.period_end,
        sides.currency,
        sides.expected_amount,
        sides.delta_amount,
        sides.delta_amount - coalesce(fact_totals.explained_amount, 0) as rest_amount,
        said.said_amount,
        said.said_start,
        said.said_end,
        said.issued_at,
        said.has_usage_item,
        said.named_plan_codes,
        said.invoice_numbers,
        said.item_count as line_count,
        {{ decimals_of('currencies') }} as decimals,
        {{ smallest_amount(decimals_of('currencies')) }} as cent
    from sides
    left join fact_totals
        on
            sides.subscription_id = fact_totals.subscription_id
            and sides.period_start = fact_totals.period_start
            and sides.period_end = fact_totals.period_end
    inner join said
        on
            sides.subscription_id = said.subscription_id
            and sides.period_start = said.period_start
            and sides.period_end = said.period_end
    left join currencies on sides.currency = currencies.currency_code
    where
        not sides.is_billed_compared
        and not sides.is_other_currency
        and said.item_count > 0
        and sides.delta_amount <> coalesce(fact_totals.explained_amount, 0)

)

select * from final
