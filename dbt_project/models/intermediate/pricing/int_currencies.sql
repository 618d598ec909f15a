with currencies as (

    select * from {{ ref('stg_odoo__res_currency') }}

),

final as (

    select
        upper(currency_code) as currency_code,
        max(decimal_places)::int as decimals
    from currencies
    where currency_code is not null and decimal_places is not null
    group by upper(currency_code)

)

select * from final
