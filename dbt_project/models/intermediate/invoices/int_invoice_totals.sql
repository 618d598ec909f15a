{{ config(post_hook='analyze {{ this }}') }}

-- Each invoice of the app, one-offs included, beside the sum of its items and the taxes of the
-- province that its customer was in when its time began.
with invoices as (

    select
        *,
        coalesce(period_start, issued_at) as placed_at
    from {{ ref('stg_nexacloud__invoices') }}
    where invoice_status not in ('draft', 'void')

),

items as (

    select * from {{ ref('stg_nexacloud__invoice_items') }}

),

customers as (

    select * from {{ ref('int_customer_partners') }}

),

partner_taxes as (

    select * from {{ ref('int_partner_taxes') }}

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

item_sums as (

    select
        invoice_id,
        count(*) as item_count,
        sum(amount) filter (where item_kind <> 'tax') as net_amount,
        sum(amount) filter (where item_kind = 'tax') as tax_amount
    from items
    group by invoice_id

),

final as (

    select
        invoices.invoice_id,
        invoices.invoice_number,
        invoices.user_id as external_customer_id,
        invoices.external_subscription_id,
        invoices.invoice_status,
        invoices.period_start,
        invoices.period_end,
        invoices.issued_at,
        invoices.currency,
        {{ decimals_of('currencies') }} as decimals,
        invoices.subtotal_amount,
        invoices.tax_amount,
        invoices.total_amount,
        coalesce(item_sums.item_count, 0) as item_count,
        coalesce(item_sums.net_amount, 0) as item_net_amount,
        coalesce(item_sums.tax_amount, 0) as item_tax_amount,
        coalesce(partner_taxes.is_taxable_resolved, false) as is_taxable_resolved,
        partner_taxes.state_code as partner_province,
        case
            when partner_taxes.is_taxable_resolved then (
                select
                    coalesce(sum({{ round_money(
                        "invoices.subtotal_amount * (component.tax ->> 'rate')::numeric / 100",
                        decimals_of('currencies')
                    ) }}), 0)
                from jsonb_array_elements(partner_taxes.components) as component (tax)
            )
        end as province_tax_amount
    from invoices
    left join currencies on invoices.currency = currencies.currency_code
    left join item_sums on invoices.invoice_id = item_sums.invoice_id
    left join customers
        on
            customers.service = 'nexacloud'
            and invoices.user_id = customers.external_customer_id
            and {{ in_force_at('customers', 'invoices.placed_at') }}
    left join partner_taxes
        on
            customers.named_partner_id = partner_taxes.partner_id
            and {{ in_force_at('partner_taxes', 'invoices.placed_at') }}

)

select * from final
