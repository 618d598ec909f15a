{{ config(
    indexes=[
        {'columns': ['line_key']},
        {'columns': ['subscription_id']},
        {'columns': ['partner_id', 'billing_period_start']},
        {'columns': ['service_period_start']},
    ],
    post_hook='analyze {{ this }}',
) }}

-- The lines of all documents: those that a document holds, word for word, and those that are proposed,
-- with who pays, product, taxes and the hash of what a person approves.
with unbilled_lines as (

    select * from {{ ref('int_proposed_lines') }}

),

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

billed_lines as (

    select * from {{ ref('int_billed_lines') }}

),

-- Word for word what its document carries, whatever rating says today.
frozen_lines as (

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

),

customer_lines as (

    select
        unbilled_lines.*,
        -- An order in Odoo says itself whose it is; an account of an app has to be matched.
        -- Who that is, where, and by which product, counts as it was when the segment began.
        coalesce(customer_partners.named_partner_id, subscriptions.order_partner_id) as partner_id
    from unbilled_lines
    left join subscriptions on unbilled_lines.subscription_id = subscriptions.subscription_id
    left join customer_partners
        on
            unbilled_lines.service = customer_partners.service
            and unbilled_lines.external_customer_id = customer_partners.external_customer_id
            and {{ in_force_at('customer_partners', 'unbilled_lines.segment_start') }}

),

ordinary as (

    select
        customer_lines.*,
        billing_accounts.customer_name,
        product_map.product_code,
        product_map.product_id,
        partner_taxes.tax_ids,
        partner_taxes.components as tax_components
    from customer_lines
    left join billing_accounts
        on
            customer_lines.service = billing_accounts.service
            and customer_lines.external_customer_id = billing_accounts.external_customer_id
    left join partner_taxes
        on
            customer_lines.partner_id = partner_taxes.partner_id
            and {{ in_force_at('partner_taxes', 'customer_lines.segment_start') }}
    left join product_map
        on
            customer_lines.service = product_map.service
            and customer_lines.plan_code = product_map.plan_code
            and product_map.charge = case
                when customer_lines.kind = 'minimum' then 'minimum'
                else coalesce(customer_lines.metric, 'base')
            end
            and {{ in_force_at('product_map', 'customer_lines.segment_start') }}
    where customer_lines.kind <> 'adjustment'

),

-- What corrects something billed is addressed and taxed as it was billed: see int_adjustments.
corrections as (

    select
        unbilled_lines.*,
        adjustments.partner_id,
        adjustments.customer_name,
        adjustments.product_code,
        adjustments.product_id,
        adjustments.tax_ids,
        adjustments.tax_components
    from unbilled_lines
    inner join adjustments on unbilled_lines.line_key = adjustments.line_key

),

unioned as (

    select * from ordinary
    union all
    select * from corrections

),

proposed_lines as (

    select
        *,
        {{ hash_key([
            'partner_id', 'currency', 'product_id', 'description', 'trim_scale(quantity)',
            'trim_scale(unit_price)', 'trim_scale(amount)', 'service_start_on',
            'service_end_on', "array_to_string(tax_ids, ',')",
        ]) }} as content_hash
    from unioned

),

final as (

    select * from frozen_lines
    union all
    select
        line_key,
        content_hash,
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
        fraction,
        price_source,
        rule,
        tax_ids,
        tax_components,
        service_period_start,
        service_period_end,
        billing_period_start,
        billing_period_end,
        service_start_on,
        service_end_on,
        segment_start,
        segment_end,
        corrects_period_start,
        adjustment_number,
        is_billable,
        is_assumed_price,
        assumed_billed_amount,
        assumed_adjustment_number,
        corrected_period_starts,
        policies
    from proposed_lines

)

select * from final
