{{ config(materialized='view') }}

with lines as (

    select
        line_key,
        service,
        subscription_id,
        external_customer_id
    from {{ ref('fct_invoice_lines') }}

),

exceptions as (

    select *
    from {{ ref('fct_billing_exceptions') }}
    where is_open and is_blocking

),

-- One equality a way of concerning: with "or" every exception would meet every line.
held as (

    select
        lines.line_key,
        exceptions.kind
    from lines
    inner join exceptions
        on
            lines.service = exceptions.service
            and lines.subscription_id = exceptions.subscription_id
    union
    select
        lines.line_key,
        exceptions.kind
    from lines
    inner join exceptions
        on
            lines.service = exceptions.service
            and lines.external_customer_id = exceptions.external_customer_id
    where exceptions.subscription_id is null

),

final as (

    select
        line_key,
        string_agg(kind, ', ' order by kind) as kinds
    from held
    group by line_key

)

select * from final
