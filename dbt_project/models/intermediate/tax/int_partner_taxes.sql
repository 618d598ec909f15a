{{ config(post_hook='analyze {{ this }}') }}

with places as (

    select * from {{ ref('int_partner_fiscal_positions') }}

),

position_taxes as (

    select * from {{ ref('int_fiscal_position_taxes') }}

),

judged as (

    select
        places.partner_id,
        places.valid_from,
        places.valid_until,
        places.delivery_partner_id,
        places.country_code,
        places.state_code,
        places.fiscal_position_id,
        places.is_manual,
        coalesce(position_taxes.tax_ids, '{}'::bigint[]) as tax_ids,
        coalesce(position_taxes.components, '[]'::jsonb) as components,
        coalesce(position_taxes.rate_percent, 0) as rate_percent,
        case
            when places.problem is not null then places.problem
            -- A position that is not there would charge nothing.
            when position_taxes.fiscal_position_id is null then 'position_missing'
            else position_taxes.problem
        end as problem
    from places
    left join position_taxes
        on coalesce(places.fiscal_position_id, 0) = position_taxes.fiscal_position_id

),

-- A place that resolves to nothing says nothing: what a person completed later counts for that time
-- too. Only the newest version may stay unresolved.
final as (

    select
        partner_id,
        coalesce(
            lag(valid_until) over (partition by partner_id order by valid_from), '-infinity'
        ) as valid_from,
        valid_until,
        delivery_partner_id,
        country_code,
        state_code,
        fiscal_position_id,
        is_manual,
        tax_ids,
        components,
        rate_percent,
        problem is null as is_taxable_resolved,
        problem
    from judged
    where problem is null or valid_until is null

)

select * from final
