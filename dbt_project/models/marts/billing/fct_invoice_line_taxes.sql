with lines as (

    select * from {{ ref('fct_invoice_lines') }}

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

components as (

    select
        lines.line_key,
        lines.service,
        lines.partner_id,
        lines.currency,
        lines.billing_period_start,
        lines.billing_period_end,
        lines.amount,
        (component ->> 'tax_id')::bigint as tax_id,
        component ->> 'name' as tax_name,
        (component ->> 'rate')::numeric as rate_percent,
        {{ decimals_of('currencies') }} as decimals
    from lines
    cross join lateral jsonb_array_elements(lines.tax_components) as component
    left join currencies on lines.currency = currencies.currency_code

),

final as (

    select
        line_key,
        tax_id,
        tax_name,
        rate_percent,
        service,
        partner_id,
        currency,
        billing_period_start,
        billing_period_end,
        amount,
        trim_scale(amount * rate_percent * 0.01) as exact_tax_amount,
        {{ round_money('amount * rate_percent * 0.01', 'decimals') }} as tax_amount,
        decimals
    from components

)

select * from final
