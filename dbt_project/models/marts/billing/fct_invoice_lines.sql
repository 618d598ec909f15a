with lines as (

    select * from {{ ref('int_priced_lines') }}

),

services as (

    select * from {{ ref('int_services') }}

),

customer_partners as (

    select * from {{ ref('int_customer_partners') }}

),

billing_accounts as (

    select * from {{ ref('int_billing_accounts') }}

),

partner_taxes as (

    select * from {{ ref('int_partner_taxes') }}

),

product_map as (

    select * from {{ ref('int_product_map') }}

),

joined as (

    select
        lines.*,
        customer_partners.partner_id,
        billing_accounts.customer_name,
        product_map.product_code,
        product_map.product_id,
        partner_taxes.tax_ids,
        partner_taxes.components as tax_components,
        (lines.service_period_end at time zone services.timezone + services.usage_grace)
        at time zone services.timezone <= {{ as_of() }} as is_billable
    from lines
    inner join services on lines.service = services.service
    left join customer_partners
        on
            lines.service = customer_partners.service
            and lines.external_customer_id = customer_partners.external_customer_id
    left join billing_accounts
        on
            lines.service = billing_accounts.service
            and lines.external_customer_id = billing_accounts.external_customer_id
    left join partner_taxes on customer_partners.partner_id = partner_taxes.partner_id
    left join product_map
        on
            lines.service = product_map.service
            and lines.plan_code = product_map.plan_code
            and product_map.charge = case lines.kind
                when 'usage' then lines.metric
                when 'minimum' then 'minimum'
                else 'base'
            end

),

final as (

    select
        line_key,
        {{ hash_key([
            'partner_id', 'currency', 'product_id', 'description', 'trim_scale(quantity)',
            'trim_scale(unit_price)', 'trim_scale(amount)', 'service_start_on', 'service_end_on',
            "array_to_string(tax_ids, ',')",
        ]) }} as content_hash,
        service,
        subscription_id,
        external_subscription_id,
        external_customer_id,
        partner_id,
        customer_name,
        currency,
        kind,
        charge,
        metric,
        plan_code,
        product_code,
        product_id,
        description,
        quantity,
        included_quantity,
        billable_quantity,
        unit_price,
        exact_amount,
        amount,
        fraction_numerator || '/' || fraction_denominator as fraction,
        price_source,
        rule,
        tax_ids,
        tax_components,
        service_period_start,
        service_period_end,
        service_period_start as billing_period_start,
        service_period_end as billing_period_end,
        service_start_on,
        service_end_on,
        segment_start,
        null::timestamptz as corrects_period_start,
        0 as adjustment_number,
        is_billable,
        is_assumed_price
    from joined

)

select * from final
