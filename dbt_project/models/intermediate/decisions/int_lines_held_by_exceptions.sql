{{ config(materialized='view') }}

with lines as (

    select * from {{ ref('fct_invoice_lines') }}

),

exceptions as (

    select *
    from {{ ref('fct_billing_exceptions') }}
    where is_open and is_blocking

),

final as (

    select
        lines.line_key,
        string_agg(distinct exceptions.kind, ', ') as kinds
    from lines
    inner join exceptions
        on
            lines.service = exceptions.service
            and (
                lines.subscription_id = exceptions.subscription_id
                or (
                    exceptions.subscription_id is null
                    and lines.external_customer_id = exceptions.external_customer_id
                )
            )
    group by lines.line_key

)

select * from final
