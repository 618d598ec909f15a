{{ config(post_hook='analyze {{ this }}') }}

-- What the app said it charged for a period, once facts are peeled off: the side that hypotheses
-- must reach. Only items that price a plan or its usage can be wrong in an interesting way.
with charges as (

    select *
    from {{ ref('int_app_charges_by_period') }}
    where item_kind <> 'tax'

),

findings as (

    select * from {{ ref('int_app_invoice_findings') }}

),

plans as (

    select distinct plan_code
    from {{ ref('stg_snapshots__nexacloud_plans') }}
    where is_current

),

judged as (

    select
        charges.*,
        plans.plan_code as named_plan_code,
        case
            when charges.item_kind in ('credit', 'discount', 'one_off', 'tax_in_net') then 0
            when findings.is_tax_included
                then {{ round_money(
                    'charges.amount / (1 + findings.tax_rate)', 'charges.decimals'
                ) }}
            else charges.amount
        end as said_amount,
        charges.item_kind in ('base', 'proration', 'usage') as is_rated_item
    from charges
    inner join findings
        on
            charges.invoice_id = findings.invoice_id
            and charges.period_start = findings.period_start
            and charges.period_end = findings.period_end
    left join plans
        on
            charges.item_kind in ('base', 'proration')
            and split_part(charges.description, ':', 1) = plans.plan_code
    where (findings.is_counted and not findings.is_duplicate) or findings.is_unreplaced_void

),

final as (

    select
        subscription_id,
        period_start,
        period_end,
        sum(said_amount) as said_amount,
        count(*) filter (where is_rated_item and amount <> 0) as item_count,
        min(charge_start) filter (where is_rated_item) as said_start,
        max(charge_end) filter (where is_rated_item) as said_end,
        min(issued_at) filter (where is_rated_item) as issued_at,
        coalesce(bool_or(item_kind = 'usage'), false) as has_usage_item,
        array_agg(distinct named_plan_code) filter (where named_plan_code is not null)
            as named_plan_codes,
        array_agg(distinct invoice_number order by invoice_number) as invoice_numbers
    from judged
    group by subscription_id, period_start, period_end

)

select * from final
