{{ config(post_hook='analyze {{ this }}') }}

with charges as (

    select *
    from {{ ref('int_app_charges_by_period') }}
    where invoice_status <> 'draft'

),

customers as (

    select * from {{ ref('int_customer_partners') }}

),

partner_taxes as (

    select *
    from {{ ref('int_partner_taxes') }}
    where is_taxable_resolved

),

rated as (

    select
        charges.*,
        coalesce(partner_taxes.rate_percent, 0) / 100 as tax_rate
    from charges
    left join customers
        on
            charges.service = customers.service
            and charges.external_customer_id = customers.external_customer_id
            and {{ in_force_at('customers', 'charges.period_start') }}
    left join partner_taxes
        on
            customers.named_partner_id = partner_taxes.partner_id
            and {{ in_force_at('partner_taxes', 'charges.period_start') }}

),

final as (

    select
        service,
        subscription_id,
        period_start,
        period_end,
        invoice_id,
        min(invoice_number) as invoice_number,
        min(issued_at) as issued_at,
        min(tax_rate) as tax_rate,
        bool_and(is_counted) as is_counted,
        bool_and(invoice_status = 'void') as is_void,
        array_agg(distinct item_kind) filter (where item_kind <> 'tax') as item_kinds,
        coalesce(bool_or(item_kind in ('tax', 'tax_in_net')), false) as has_tax,
        -- Quantity times price is the net: where every item says a gross amount, tax is inside.
        coalesce(
            bool_and(
                abs(
                    {{ round_money('quantity * unit_price', 'decimals') }}
                    - {{ round_money('amount / (1 + tax_rate)', 'decimals') }}
                ) <= {{ smallest_amount('decimals') }}
                and amount > {{ round_money('quantity * unit_price', 'decimals') }}
            ) filter (where item_kind in ('base', 'proration', 'usage') and amount <> 0), false
        ) as is_gross,
        -- Two invoices that say the same of the same time are one invoice, sent twice.
        jsonb_agg(
            jsonb_build_array(item_kind, charge_start, charge_end, amount)
            order by item_kind, charge_start, charge_end, amount
        ) filter (where item_kind <> 'tax') as fingerprint
    from rated
    group by service, subscription_id, period_start, period_end, invoice_id

)

select * from final
