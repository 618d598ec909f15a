{{ config(post_hook='analyze {{ this }}') }}

with charges as (

    select * from {{ ref('int_app_charges_by_period') }}

),

final as (

    select
        service,
        subscription_id,
        external_subscription_id,
        period_start,
        period_end,
        max(external_customer_id) as external_customer_id,
        min(currency) filter (where is_counted) as currency,
        count(distinct currency) filter (where is_counted) as currency_count,
        coalesce(sum(amount) filter (where is_counted and item_kind <> 'tax'), 0) as actual_amount,
        coalesce(sum(amount) filter (where is_counted and item_kind = 'tax'), 0)
            as actual_tax_amount,
        count(distinct invoice_id) filter (where is_counted) as counted_invoice_count,
        coalesce(
            array_agg(distinct invoice_number order by invoice_number) filter (where is_counted),
            '{}'::text[]
        ) as invoice_numbers,
        coalesce(
            array_agg(distinct invoice_number order by invoice_number)
            filter (where invoice_status = 'void'),
            '{}'::text[]
        ) as void_invoice_numbers
    from charges
    where invoice_status <> 'draft'
    group by
        service, subscription_id, external_subscription_id, period_start, period_end

)

select * from final
