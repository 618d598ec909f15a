with source as (

    select * from {{ source('ops', 'publications') }}

),

final as (

    select
        document_key,
        external_id,
        service,
        partner_id,
        billing_period_start,
        billing_period_end,
        currency,
        move_type,
        document_number,
        state as publication_state,
        payload_hash,
        expected_untaxed_amount,
        expected_tax_amount,
        expected_total_amount,
        rounding_method,
        odoo_id as odoo_move_id,
        odoo_name,
        odoo_state,
        odoo_payment_state,
        odoo_untaxed_amount,
        odoo_tax_amount,
        odoo_total_amount,
        finding,
        last_read_at,
        invoice_date as invoice_on,
        invoice_date_due as due_on,
        reversed_document_key,
        odoo_write_date as odoo_updated_at,
        claimed_at,
        sent_at,
        confirmed_at,
        released_at,
        released_by,
        note
    from source

)

select * from final
