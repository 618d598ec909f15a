{{ config(post_hook='analyze {{ this }}') }}

with rated_lines as (

    select * from {{ ref('int_rated_lines') }}

),

customers as (

    select * from {{ ref('int_customer_partners') }}

),

partner_taxes as (

    select *
    from {{ ref('int_partner_taxes') }}
    where is_taxable_resolved

),

company as (

    select coalesce(max(tax_rounding_method), 'round_globally') as tax_rounding_method
    from {{ ref('stg_odoo__res_company') }}
    where company_id = {{ var('odoo_company_id', 1) }}

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

keyed as (

    select
        service,
        subscription_id,
        external_subscription_id,
        service_period_start as period_start,
        service_period_end as period_end,
        max(external_customer_id) as external_customer_id,
        min(segment_start) as held_from,
        coalesce(min(currency) filter (where amount <> 0), min(currency)) as currency,
        count(distinct currency) filter (where amount <> 0) as currency_count,
        -- The plan at the end of the period is the one that a person has in mind.
        (array_agg(plan_code order by segment_start desc))[1] as plan_code,
        coalesce(
            (array_agg(unit_price order by segment_start desc) filter (where kind = 'base'))[1], 0
        ) as list_amount,
        sum(amount) as expected_amount,
        array_agg(amount) filter (where amount <> 0) as line_amounts,
        array_agg(line_key order by segment_start, kind, charge) filter (where amount <> 0)
            as line_keys
    from rated_lines
    group by
        service, subscription_id, external_subscription_id, service_period_start,
        service_period_end

),

taxed as (

    select
        keyed.subscription_id,
        keyed.period_start,
        keyed.period_end,
        sum(
            case company.tax_rounding_method
                when 'round_per_line'
                    then (
                        select sum({{ round_money(
                            'line.amount * component.rate', decimals_of('currencies')
                        ) }})
                        from unnest(keyed.line_amounts) as line (amount)
                    )
                else {{ round_money(
                    'keyed.expected_amount * component.rate', decimals_of('currencies')
                ) }}
            end
        ) as tax_amount
    from keyed
    inner join customers
        on
            keyed.service = customers.service
            and keyed.external_customer_id = customers.external_customer_id
            and {{ in_force_at('customers', 'keyed.held_from') }}
    inner join partner_taxes
        on
            customers.named_partner_id = partner_taxes.partner_id
            and {{ in_force_at('partner_taxes', 'keyed.held_from') }}
    cross join company
    left join currencies on keyed.currency = currencies.currency_code
    left join lateral (
        select (listed.tax ->> 'rate')::numeric / 100 as rate
        from jsonb_array_elements(partner_taxes.components) as listed (tax)
    ) as component on true
    group by keyed.subscription_id, keyed.period_start, keyed.period_end

),

final as (

    select
        keyed.service,
        keyed.subscription_id,
        keyed.external_subscription_id,
        keyed.period_start,
        keyed.period_end,
        keyed.external_customer_id,
        keyed.currency,
        keyed.currency_count,
        keyed.plan_code,
        keyed.list_amount,
        keyed.expected_amount,
        keyed.line_keys,
        -- Null where the customer's taxes are not resolved: no tax is not the same as unknown tax.
        case when taxed.subscription_id is not null then coalesce(taxed.tax_amount, 0) end
            as expected_tax_amount
    from keyed
    left join taxed
        on
            keyed.subscription_id = taxed.subscription_id
            and keyed.period_start = taxed.period_start
            and keyed.period_end = taxed.period_end

)

select * from final
