with source as (

    select * from {{ source('ops', 'publication_lines') }}

),

final as (

    select
        document_key,
        line_key,
        content_hash,
        line_number,
        odoo_line_id as odoo_move_line_id,
        released_at,
        service,
        subscription_id,
        external_subscription_id,
        kind,
        charge,
        metric,
        plan_code,
        segment_start,
        service_period_start,
        service_period_end,
        corrects_period_start,
        adjustment_number,
        description,
        quantity,
        unit_price,
        amount,
        currency,
        tax_ids,
        partner_id,
        content
    from source

)

select * from final
