with app_invoices as (

    select * from {{ ref('int_invoice_totals') }}

),

moves as (

    select
        *,
        coalesce(invoice_on, accounting_on) as placed_on,
        case move_type when 'out_refund' then -1 else 1 end as sign
    from {{ ref('stg_odoo__account_move') }}
    where
        deleted_at is null
        and move_type in ('out_invoice', 'out_refund')
        and move_state <> 'cancel'

),

publications as (

    select *
    from {{ ref('stg_ops__publications') }}
    where publication_state = 'confirmed'

),

partner_taxes as (

    select * from {{ ref('int_partner_taxes') }}

),

currencies as (

    select * from {{ ref('stg_odoo__res_currency') }}

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

-- What we published and what people entered by hand, each with its sign.
invoiced_by_odoo as (

    select
        'odoo' as issuer,
        publications.service,
        case when moves.move_state = 'posted' then 'issued' else 'draft' end as document_state,
        date_trunc('month', moves.placed_on)::date as tax_month,
        partner_taxes.state_code as province,
        currencies.currency_code as currency,
        moves.sign * moves.untaxed_amount as net_amount,
        moves.sign * moves.tax_amount as tax_amount,
        (
            select
                coalesce(sum({{ round_money(
                    "moves.sign * moves.untaxed_amount * (component.tax ->> 'rate')::numeric / 100",
                    'currencies.decimal_places::int'
                ) }}), 0)
            from jsonb_array_elements(partner_taxes.components) as component (tax)
        ) as province_tax_amount
    from moves
    left join publications on moves.move_id = publications.odoo_move_id
    left join partner_taxes
        on
            moves.partner_id = partner_taxes.partner_id
            and {{ in_force_at(
                'partner_taxes',
                'coalesce(publications.billing_period_start, moves.placed_on::timestamptz)'
            ) }}
    left join currencies on moves.currency_id = currencies.currency_id

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
