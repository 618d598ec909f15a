{{ config(post_hook='analyze {{ this }}') }}

with moves as (

    select * from {{ ref('stg_odoo__account_move') }}

),

currencies as (

    select * from {{ ref('stg_odoo__res_currency') }}

),

publications as (

    select * from {{ ref('stg_ops__publications') }}

),

-- Odoo's own invoices: what we published is never the counterpart of what the app invoiced.
final as (

    select
        moves.move_id,
        moves.move_name,
        moves.commercial_partner_id,
        moves.invoice_on,
        moves.untaxed_amount,
        moves.total_amount,
        currencies.currency_code,
        lower(trim(moves.move_name)) as number_key,
        array_remove(
            array[
                lower(trim(moves.move_reference)), lower(trim(moves.payment_reference)),
                lower(trim(moves.origin))
            ], null
        ) as reference_keys
    from moves
    left join currencies on moves.currency_id = currencies.currency_id
    left join publications on moves.move_id = publications.odoo_move_id
    where
        moves.move_type in ('out_invoice', 'out_refund')
        and moves.move_state <> 'cancel'
        and publications.document_key is null

)

select * from final
