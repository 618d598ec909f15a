with rated_lines as (

    select * from {{ ref('int_rated_lines') }}

),

services as (

    select * from {{ ref('int_services') }}

),

billing_accounts as (

    select * from {{ ref('int_billing_accounts') }}

),

final as (

    select
        rated_lines.service,
        rated_lines.external_customer_id,
        max(billing_accounts.customer_name) as customer_name,
        rated_lines.currency,
        date_trunc('month', rated_lines.service_period_start at time zone services.timezone)::date
            as month_on,
        count(distinct rated_lines.subscription_id) as subscription_count,
        sum(rated_lines.amount) as rated_amount
    from rated_lines
    inner join services on rated_lines.service = services.service
    left join billing_accounts
        on
            rated_lines.service = billing_accounts.service
            and rated_lines.external_customer_id = billing_accounts.external_customer_id
    group by
        rated_lines.service, rated_lines.external_customer_id, rated_lines.currency, month_on

)

select * from final
