{{ config(materialized='view') }}

with lines as (

    select * from {{ ref('int_proposed_lines') }}

),

-- What corrects something billed is addressed and taxed as it was billed: see int_adjustments.
adjustments as (

    select * from {{ ref('int_adjustments') }}

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

customer_partners as (

    select * from {{ ref('int_customer_partners') }}

),

billing_accounts as (

    select * from {{ ref('int_billing_accounts') }}

),

partner_taxes as (

    select *
    from {{ ref('int_partner_taxes') }}
    where is_taxable_resolved

),

product_map as (

    select * from {{ ref('int_product_map') }}

),

addressed as (

    select
        lines.*,
        -- An order in Odoo says itself whose it is; an account of an app has to be matched.
        -- Who that is, where, and by which product, counts as it was when the segment began.
        coalesce(customer_partners.named_partner_id, subscriptions.order_partner_id) as partner_id
    from lines
    left join subscriptions on lines.subscription_id = subscriptions.subscription_id
    left join customer_partners
        on
            lines.service = customer_partners.service
            and lines.external_customer_id = customer_partners.external_customer_id
            and {{ in_force_at('customer_partners', 'lines.segment_start') }}

),

ordinary as (

    select
        addressed.*,
        billing_accounts.customer_name,
        product_map.product_code,
        product_map.product_id,
        partner_taxes.tax_ids,
        partner_taxes.components as tax_components
    from addressed
    left join billing_accounts
        on
            addressed.service = billing_accounts.service
            and addressed.external_customer_id = billing_accounts.external_customer_id
    left join partner_taxes
        on
            addressed.partner_id = partner_taxes.partner_id
            and {{ in_force_at('partner_taxes', 'addressed.segment_start') }}
    left join product_map
        on
            addressed.service = product_map.service
            and addressed.plan_code = product_map.plan_code
            and product_map.charge = case
                when addressed.kind = 'minimum' then 'minimum'
                else coalesce(addressed.metric, 'base')
            end
            and {{ in_force_at('product_map', 'addressed.segment_start') }}
    where addressed.kind <> 'adjustment'

),

corrections as (

    select
        lines.*,
        adjustments.partner_id,
        adjustments.customer_name,
        adjustments.product_code,
        adjustments.product_id,
        adjustments.tax_ids,
        adjustments.tax_components
    from lines
    inner join adjustments on lines.line_key = adjustments.line_key

),

unioned as (

    select * from ordinary
    union all
    select * from corrections

),

final as (

    select
        *,
        {{ hash_key([
            'partner_id', 'currency', 'product_id', 'description', 'trim_scale(quantity)',
            'trim_scale(unit_price)', 'trim_scale(amount)', 'service_start_on',
            'service_end_on', "array_to_string(tax_ids, ',')",
        ]) }} as content_hash
    from unioned

)

select * from final
