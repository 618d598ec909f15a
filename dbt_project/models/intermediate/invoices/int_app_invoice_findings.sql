{{ config(post_hook='analyze {{ this }}') }}

-- What each invoice of the app proves about itself, within one service period: that it is void and
-- nothing replaced it, that it is a copy of another, that its amounts contain the tax.
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
    left join partner_taxes on customers.partner_id = partner_taxes.partner_id

),

invoices as (

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
                abs(round(quantity * unit_price, 2) - round(amount / (1 + tax_rate), 2)) <= 0.01
                and amount > round(quantity * unit_price, 2)
            ) filter (where item_kind in ('base', 'proration', 'usage') and amount <> 0), false
        ) as is_gross,
        -- Two invoices that say the same of the same time are one invoice, sent twice.
        jsonb_agg(
            jsonb_build_array(item_kind, charge_start, charge_end, amount)
            order by item_kind, charge_start, charge_end, amount
        ) filter (where item_kind <> 'tax') as fingerprint
    from rated
    group by service, subscription_id, period_start, period_end, invoice_id

),

copies as (

    select
        *,
        row_number() over same as copy_number,
        first_value(invoice_number) over same as original_number
    from invoices
    window same as (
        partition by subscription_id, period_start, period_end, is_counted, fingerprint
        order by issued_at, invoice_number
    )

),

-- A void invoice beside a counted one of the same kind was replaced, and explains nothing.
replaced as (

    select distinct
        voided.invoice_id,
        voided.period_start,
        voided.period_end
    from invoices as voided
    inner join invoices as counted
        on
            voided.subscription_id = counted.subscription_id
            and voided.period_start = counted.period_start
            and voided.period_end = counted.period_end
            and voided.item_kinds && counted.item_kinds
    where voided.is_void and counted.is_counted

),

final as (

    select
        copies.service,
        copies.subscription_id,
        copies.period_start,
        copies.period_end,
        copies.invoice_id,
        copies.invoice_number,
        copies.issued_at,
        copies.tax_rate,
        copies.is_counted,
        copies.is_void and replaced.invoice_id is null and copies.copy_number = 1
            as is_unreplaced_void,
        copies.is_counted and copies.copy_number > 1 as is_duplicate,
        case when copies.copy_number > 1 then copies.original_number end as original_number,
        not copies.has_tax and copies.is_gross and copies.tax_rate > 0 as is_tax_included
    from copies
    left join replaced
        on
            copies.invoice_id = replaced.invoice_id
            and copies.period_start = replaced.period_start
            and copies.period_end = replaced.period_end

)

select * from final
