with app_invoices as (

    select * from {{ ref('int_invoice_totals') }}

),

odoo_moves as (

    select * from {{ ref('int_odoo_receivables') }}

),

services as (

    select * from {{ ref('int_services') }}

),

invoiced_by_app as (

    select
        'app' as issuer,
        'nexacloud' as service,
        'issued' as document_state,
        date_trunc('month', {{ local_date('app_invoices.issued_at', 'services.timezone') }})::date
            as tax_month,
        app_invoices.partner_province as province,
        app_invoices.currency,
        app_invoices.subtotal_amount as net_amount,
        app_invoices.tax_amount,
        app_invoices.province_tax_amount
    from app_invoices
    inner join services on services.service = 'nexacloud'

),

invoiced_by_odoo as (

    select
        'odoo' as issuer,
        service,
        case when move_state = 'posted' then 'issued' else 'draft' end as document_state,
        date_trunc('month', invoice_on)::date as tax_month,
        province,
        currency,
        untaxed_amount as net_amount,
        tax_amount,
        (
            select
                coalesce(sum({{ round_money(
                    "odoo_moves.untaxed_amount * (component.tax ->> 'rate')::numeric / 100",
                    'odoo_moves.decimals'
                ) }}), 0)
            from jsonb_array_elements(odoo_moves.components) as component (tax)
        ) as province_tax_amount
    from odoo_moves

),

unioned as (

    select * from invoiced_by_app
    union all
    select * from invoiced_by_odoo

),

final as (

    select
        issuer,
        service,
        document_state,
        tax_month,
        province,
        currency,
        count(*)::integer as invoice_count,
        sum(net_amount) as net_amount,
        sum(tax_amount) as tax_amount,
        sum(province_tax_amount) as province_tax_amount,
        sum(province_tax_amount) - sum(tax_amount) as difference_amount
    from unioned
    group by issuer, service, document_state, tax_month, province, currency

)

select * from final
