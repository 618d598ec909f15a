{{ config(post_hook='analyze {{ this }}') }}

-- Odoo's customer documents with their sign: what we published, and what people entered by hand.
with moves as (

    select *
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

partners as (

    select *
    from {{ ref('stg_snapshots__odoo_res_partner') }}
    where is_current

),

partner_taxes as (

    select * from {{ ref('int_partner_taxes') }}

),

currencies as (

    select * from {{ ref('stg_odoo__res_currency') }}

),

signed as (

    select
        *,
        coalesce(invoice_on, accounting_on)::timestamptz as placed_at,
        case move_type when 'out_refund' then -1 else 1 end as sign
    from moves

),

final as (

    select
        signed.move_id,
        signed.move_name,
        signed.move_state,
        signed.payment_state,
        publications.service,
        signed.partner_id,
        partners.partner_name,
        partner_taxes.state_code as province,
        partner_taxes.components,
        coalesce(signed.invoice_on, signed.accounting_on) as invoice_on,
        coalesce(signed.due_on, signed.invoice_on, signed.accounting_on) as due_on,
        currencies.currency_code as currency,
        currencies.decimal_places::int as decimals,
        signed.sign * signed.untaxed_amount as untaxed_amount,
        signed.sign * signed.tax_amount as tax_amount,
        signed.sign * signed.residual_amount as residual_amount
    from signed
    left join publications on signed.move_id = publications.odoo_move_id
    left join partners on signed.partner_id = partners.partner_id
    left join partner_taxes
        on
            signed.partner_id = partner_taxes.partner_id
            and {{ in_force_at(
                'partner_taxes', 'coalesce(publications.billing_period_start, signed.placed_at)'
            ) }}
    left join currencies on signed.currency_id = currencies.currency_id

)

select * from final
