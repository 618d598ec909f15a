with lines as (

    select *
    from {{ ref('fct_invoice_lines') }}
    where partner_id is not null

),

line_taxes as (

    select * from {{ ref('fct_invoice_line_taxes') }}

),

untaxed as (

    select
        service,
        partner_id,
        currency,
        billing_period_start,
        billing_period_end,
        count(*) as line_count,
        sum(amount) as untaxed_amount
    from lines
    group by service, partner_id, currency, billing_period_start, billing_period_end

),

-- Round per Tax, Odoo's default, rounds each tax once over all lines; the other method every line.
by_tax as (

    select
        service,
        partner_id,
        currency,
        billing_period_start,
        billing_period_end,
        tax_id,
        sum(tax_amount) as line_tax_amount,
        {{ round_money('sum(exact_tax_amount)', 'max(decimals)') }} as global_tax_amount
    from line_taxes
    group by
        service, partner_id, currency, billing_period_start, billing_period_end, tax_id

),

taxed as (

    select
        service,
        partner_id,
        currency,
        billing_period_start,
        billing_period_end,
        sum(line_tax_amount) as line_tax_amount,
        sum(global_tax_amount) as global_tax_amount
    from by_tax
    group by service, partner_id, currency, billing_period_start, billing_period_end

),

final as (

    select
        untaxed.service,
        untaxed.partner_id,
        untaxed.currency,
        untaxed.billing_period_start,
        untaxed.billing_period_end,
        untaxed.line_count,
        untaxed.untaxed_amount,
        coalesce(taxed.global_tax_amount, 0) as tax_round_globally_amount,
        coalesce(taxed.line_tax_amount, 0) as tax_round_per_line_amount,
        untaxed.untaxed_amount + coalesce(taxed.global_tax_amount, 0)
            as total_round_globally_amount,
        untaxed.untaxed_amount + coalesce(taxed.line_tax_amount, 0)
            as total_round_per_line_amount
    from untaxed
    left join taxed
        on
            untaxed.service = taxed.service
            and untaxed.partner_id = taxed.partner_id
            and untaxed.currency = taxed.currency
            and untaxed.billing_period_start = taxed.billing_period_start
            and untaxed.billing_period_end = taxed.billing_period_end

)

select * from final
