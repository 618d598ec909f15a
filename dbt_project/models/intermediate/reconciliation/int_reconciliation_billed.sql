{{ config(post_hook='analyze {{ this }}') }}

-- What was published for a service period plus the adjustments that correct it, whenever billed.
with published_lines as (

    select * from {{ ref('int_reconciliation_published') }}

),

final as (

    select
        service,
        subscription_id,
        external_subscription_id,
        period_start,
        period_end,
        min(currency) as currency,
        count(distinct currency) as currency_count,
        sum(billed_amount) as billed_amount,
        array_agg(distinct odoo_name order by odoo_name)
        filter (where odoo_name is not null) as odoo_names,
        array_agg(distinct document_key order by document_key) as document_keys
    from published_lines
    group by service, subscription_id, external_subscription_id, period_start, period_end

)

select * from final
