{{ config(materialized='view') }}

with invoice_lines as (

    select * from {{ ref('fct_invoice_lines') }}

),

rated_lines as (

    select * from {{ ref('int_rated_lines') }}

),

-- What costs nothing is no line of an invoice, but it has a story too.
final as (

    select
        line_key,
        service,
        subscription_id,
        external_subscription_id,
        customer_name,
        partner_id,
        currency,
        kind,
        charge,
        plan_code,
        description,
        exact_amount,
        amount,
        fraction,
        rule,
        tax_components,
        service_period_start,
        service_period_end,
        billing_period_start,
        billing_period_end,
        corrects_period_start,
        is_billable,
        content_hash
    from invoice_lines
    union all
    select
        line_key,
        service,
        subscription_id,
        external_subscription_id,
        null as customer_name,
        null as partner_id,
        currency,
        kind,
        charge,
        plan_code,
        null as description,
        exact_amount,
        amount,
        fraction_numerator || '/' || fraction_denominator as fraction,
        rule,
        null as tax_components,
        service_period_start,
        service_period_end,
        service_period_start as billing_period_start,
        service_period_end as billing_period_end,
        null as corrects_period_start,
        false as is_billable,
        null as content_hash
    from rated_lines
    where amount = 0

)

select * from final
