{{ config(
    indexes=[{'columns': ['line_key']}, {'columns': ['subscription_id']}],
    post_hook='analyze {{ this }}',
) }}

-- What the loaded data say against a line, settled at every build: what people decide, and what Odoo
-- would bill by itself, is joined live in fct_invoice_line_status.
with products as (

    select *
    from {{ ref('stg_snapshots__odoo_product_product') }}
    where is_current

),

taxes as (

    select *
    from {{ ref('stg_odoo__account_tax') }}
    where tax_use = 'sale' and company_id = {{ var('odoo_company_id', 1) }}

),

company as (

    select *
    from {{ ref('stg_odoo__res_company') }}
    where company_id = {{ var('odoo_company_id', 1) }}

),

own_taxes as (

    select
        products.product_id,
        products.product_code,
        array_agg(taxes.tax_id order by taxes.tax_id) filter (where taxes.tax_id is not null)
            as tax_ids
    from products
    left join taxes on taxes.tax_id = any(products.tax_ids)
    where coalesce(products.is_active, true)
    group by products.product_id, products.product_code

),

-- A document carries the taxes of the customer's place, mapped from the company's default sale tax.
-- A product with other taxes of its own (exempt, zero-rated, none) would be taxed wrongly that way.
products_taxed_otherwise as (

    select
        own_taxes.product_id,
        own_taxes.product_code
    from own_taxes
    cross join company
    where own_taxes.tax_ids is distinct from array[company.default_sale_tax_id]

),

-- Named columns: the lines are read several times, and whole rows would go through the disk.
lines as (

    select
        line_key,
        content_hash,
        service,
        subscription_id,
        external_subscription_id,
        plan_code,
        partner_id,
        tax_ids,
        product_id,
        amount,
        is_billable,
        service_period_start,
        service_period_end
    from {{ ref('fct_invoice_lines') }}

),

partner_taxes as (

    select *
    from {{ ref('int_partner_taxes') }}
    where valid_until is null

),

app_invoices as (

    select * from {{ ref('int_app_invoice_spans') }}

),

-- One issuer: whatever the app did not void is an invoice, drafts included.
invoiced_by_app as (

    select
        lines.line_key,
        string_agg(distinct app_invoices.invoice_number, ', ') as invoice_numbers
    from lines
    inner join app_invoices
        on
            lines.subscription_id = app_invoices.subscription_id
            and lines.service_period_start < app_invoices.span_end
            and lines.service_period_end > app_invoices.span_start
    where app_invoices.invoice_status <> 'void'
    group by lines.line_key

),

final as (

    select
        lines.line_key,
        lines.content_hash,
        lines.service,
        lines.subscription_id,
        lines.external_subscription_id,
        lines.plan_code,
        lines.service_period_start,
        nullif(concat_ws(
            '; ',
            case
                when not lines.is_billable then 'its period is not over, or usage may still come'
            end,
            case when lines.amount = 0 then 'its amount is zero' end,
            case when lines.partner_id is null then 'the customer has no Odoo partner yet' end,
            case
                when lines.partner_id is not null and not coalesce(partner_taxes.is_active, false)
                    then 'its Odoo partner is archived or gone'
            end,
            case
                when lines.partner_id is not null and lines.tax_ids is null
                    then
                        'the taxes of the customer are not resolved ('
                        || coalesce(replace(partner_taxes.problem, '_', ' '), 'unknown partner')
                        || ')'
            end,
            'product ' || products_taxed_otherwise.product_code
            || ' has taxes of its own in Odoo, which are not mapped by province',
            'the app already invoiced the period in ' || invoiced_by_app.invoice_numbers
        ), '') as reasons
    from lines
    left join partner_taxes on lines.partner_id = partner_taxes.partner_id
    left join products_taxed_otherwise
        on lines.product_id = products_taxed_otherwise.product_id
    left join invoiced_by_app on lines.line_key = invoiced_by_app.line_key

)

select * from final
