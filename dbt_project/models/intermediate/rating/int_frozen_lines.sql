{{ config(materialized='view') }}

with billed_lines as (

    select * from {{ ref('int_billed_lines') }}

),

-- Word for word what its document carries, whatever rating says today.
final as (

    select
        line_key,
        content_hash,
        service,
        subscription_id,
        external_subscription_id,
        content ->> 'external_customer_id' as external_customer_id,
        partner_id,
        content ->> 'customer_name' as customer_name,
        currency,
        kind,
        charge,
        metric,
        plan_code,
        content ->> 'product_code' as product_code,
        (content ->> 'product_id')::bigint as product_id,
        description,
        quantity,
        (content ->> 'included_quantity')::numeric as included_quantity,
        (content ->> 'billable_quantity')::numeric as billable_quantity,
        unit_price,
        coalesce((content ->> 'exact_amount')::numeric, amount) as exact_amount,
        amount,
        content ->> 'fraction' as fraction,
        content ->> 'price_source' as price_source,
        content ->> 'rule' as rule,
        tax_ids,
        content -> 'tax_components' as tax_components,
        service_period_start,
        service_period_end,
        billing_period_start,
        billing_period_end,
        (content ->> 'service_start_on')::date as service_start_on,
        (content ->> 'service_end_on')::date as service_end_on,
        segment_start,
        (content ->> 'segment_end')::timestamptz as segment_end,
        corrects_period_start,
        coalesce(adjustment_number, 0) as adjustment_number,
        true as is_billable,
        coalesce((content ->> 'is_assumed_price')::boolean, false) as is_assumed_price,
        (content ->> 'assumed_billed_amount')::numeric as assumed_billed_amount,
        (content ->> 'assumed_adjustment_number')::int as assumed_adjustment_number,
        null::timestamptz[] as corrected_period_starts,
        content -> 'policies' as policies
    from billed_lines

)

select * from final
