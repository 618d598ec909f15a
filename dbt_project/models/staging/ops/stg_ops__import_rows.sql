with source as (

    select * from {{ source('ops', 'import_rows') }}

),

final as (

    select
        import_key,
        kind,
        external_id,
        odoo_id,
        origin,
        state as import_state,
        action,
        changes,
        kept,
        reason,
        looked_at,
        written_at
    from source

)

select * from final
