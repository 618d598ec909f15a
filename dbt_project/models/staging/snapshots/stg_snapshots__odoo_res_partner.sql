with source as (

    select * from {{ source('snapshots', 'odoo_res_partner') }}

),

final as (

    select
        id as partner_id,
        name as partner_name,
        is_company,
        parent_id as parent_partner_id,
        commercial_partner_id,
        type as partner_type,
        active as is_active,
        ref as partner_reference,
        vat as vat_number,
        email,
        phone,
        street,
        street2,
        city,
        zip as postal_code,
        state_id,
        country_id,
        lang as language_code,
        company_id,
        customer_rank,
        property_payment_term_id as payment_term_id,
        property_account_position_id as manual_fiscal_position_id,
        create_date as created_at,
        write_date as updated_at,
        _version as version_number,
        _seen_at as seen_at,
        _valid_from as valid_from,
        _valid_until as valid_until,
        _is_deleted as is_deleted,
        -- What the source says today; of a row that it deleted, nothing.
        _valid_until is null and not _is_deleted as is_current
    from source

)

select * from final
