with accounts as (

    select * from {{ ref('int_billing_accounts') }}

),

customer_partners as (

    select *
    from {{ ref('int_customer_partners') }}
    where valid_until is null

),

partner_taxes as (

    select *
    from {{ ref('int_partner_taxes') }}
    where valid_until is null

),

final as (

    select
        accounts.service,
        accounts.external_customer_id,
        accounts.customer_name,
        accounts.email,
        accounts.country,
        accounts.province,
        accounts.is_active,
        customer_partners.partner_id,
        customer_partners.partner_name,
        customer_partners.match_rule,
        customer_partners.certainty,
        customer_partners.candidates,
        customer_partners.problem as identity_problem,
        partner_taxes.state_code as partner_province,
        partner_taxes.tax_ids,
        partner_taxes.components as tax_components,
        coalesce(partner_taxes.is_taxable_resolved, false) as is_taxable_resolved,
        case
            when customer_partners.partner_id is not null then partner_taxes.problem
        end as tax_problem
    from accounts
    inner join customer_partners
        on
            accounts.service = customer_partners.service
            and accounts.external_customer_id = customer_partners.external_customer_id
    left join partner_taxes on customer_partners.partner_id = partner_taxes.partner_id

)

select * from final
