{{ config(post_hook='analyze {{ this }}') }}

-- The keys whose delta the facts leave open: the only ones that are rated again.
with sides as (

    select * from {{ ref('int_reconciliation_sides') }}

),

charges as (

    select * from {{ ref('int_app_charge_facts') }}

),

plans as (

    select distinct plan_code
    from {{ ref('stg_snapshots__nexacloud_plans') }}
    where is_current

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

-- The plan that an item names, where it prices a plan or its usage: only such an item can be wrong in
-- an interesting way. A copy of an invoice is taken off as a whole, and says nothing of its own.
named as (

    select
        charges.*,
        plans.plan_code as named_plan_code,
        not charges.is_duplicate and charges.item_kind in ('base', 'proration', 'usage')
            as is_rated_item
    from charges
    left join plans
        on
            charges.item_kind in ('base', 'proration')
            and split_part(charges.description, ':', 1) = plans.plan_code

),

-- What facts explain of a period, and what they leave: the amount that hypotheses must reach.
invoiced as (

    select
        subscription_id,
        period_start,
        period_end,
        sum(case when is_unreplaced_void then amount else 0 end - fact_amount) as explained_amount,
        sum(invoiced_amount) filter (where not is_duplicate) as invoiced_amount,
        count(*) filter (where is_rated_item and amount <> 0) as line_count,
        min(charge_start) filter (where is_rated_item) as invoiced_start,
        max(charge_end) filter (where is_rated_item) as invoiced_end,
        min(issued_at) filter (where is_rated_item) as issued_at,
        coalesce(bool_or(is_rated_item and item_kind = 'usage'), false) as has_usage_item,
        array_agg(distinct named_plan_code)
        filter (where is_rated_item and named_plan_code is not null) as named_plan_codes,
        array_agg(distinct invoice_number order by invoice_number)
        filter (where not is_duplicate) as invoice_numbers
    from named
    group by subscription_id, period_start, period_end

),

final as (

    select
        -- One number a key, so that everything that follows joins on one column.
        row_number() over (order by sides.subscription_id, sides.period_start, sides.period_end)
            as difference_number,
        sides.service,
        sides.subscription_id,
        sides.period_start,
        sides.period_end,
        sides.currency,
        sides.expected_amount,
        sides.delta_amount,
        sides.delta_amount - invoiced.explained_amount as open_amount,
        invoiced.invoiced_amount,
        invoiced.invoiced_start,
        invoiced.invoiced_end,
        invoiced.issued_at,
        invoiced.has_usage_item,
        invoiced.named_plan_codes,
        invoiced.invoice_numbers,
        invoiced.line_count,
        {{ decimals_of('currencies') }} as decimals,
        {{ smallest_amount(decimals_of('currencies')) }} as cent
    from sides
    inner join invoiced
        on
            sides.subscription_id = invoiced.subscription_id
            and sides.period_start = invoiced.period_start
            and sides.period_end = invoiced.period_end
    left join currencies on sides.currency = currencies.currency_code
    where
        not sides.is_billed_compared
        and not sides.is_other_currency
        and invoiced.line_count > 0
        and sides.delta_amount <> invoiced.explained_amount

)

select * from final
