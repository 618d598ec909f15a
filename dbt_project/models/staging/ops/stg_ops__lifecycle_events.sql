with source as (

    select * from {{ source('ops', 'lifecycle_events') }}

),

-- Read back from where they are frozen: a rebuild changes none of them.
emitted as (

    select
        event_id,
        event_type,
        service,
        service || ':' || external_subscription_id as subscription_id,
        external_subscription_id,
        deployment_id,
        payload ->> 'external_customer_id' as external_customer_id,
        subject,
        cause,
        occurred_at,
        reason,
        payload -> 'invoice' ->> 'document_key' as document_key,
        (payload -> 'invoice' ->> 'odoo_id')::bigint as odoo_move_id,
        payload -> 'invoice' ->> 'reference' as invoice_reference,
        (payload -> 'invoice' ->> 'due_on')::date as due_on,
        payload -> 'invoice' ->> 'currency' as currency,
        (payload -> 'invoice' ->> 'total_amount')::numeric as total_amount,
        (payload -> 'invoice' ->> 'residual_amount')::numeric as residual_amount,
        payload -> 'invoice' ->> 'settled_by' as settled_by,
        (payload ->> 'ended_at')::timestamptz as ended_at,
        (payload ->> 'sequence')::bigint as event_sequence,
        emitted_at
    from source

),

-- The app believes what it was told last, whatever happened since.
final as (

    select
        *,
        row_number() over (partition by subject order by event_sequence desc) = 1 as is_last_told
    from emitted

)

select * from final
