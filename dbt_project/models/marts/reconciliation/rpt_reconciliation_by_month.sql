with reconciliation as (

    select * from {{ ref('fct_reconciliation') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

services as (

    select * from {{ ref('int_services') }}

),

-- A service period belongs to the month in which it starts on the service's own clock.
final as (

    select
        reconciliation.service,
        date_trunc(
            'month', {{ local_date('reconciliation.period_start', 'services.timezone') }}
        )::date as period_month,
        reconciliation.currency,
        reconciliation.plan_code,
        coalesce(customers.partner_province, customers.province) as province,
        reconciliation.status,
        count(*)::integer as period_count,
        coalesce(sum(reconciliation.expected_amount), 0) as expected_amount,
        coalesce(sum(reconciliation.actual_amount), 0) as actual_amount,
        coalesce(sum(reconciliation.billed_amount), 0) as billed_amount,
        coalesce(sum(reconciliation.delta_amount), 0) as delta_amount,
        coalesce(sum(reconciliation.explained_amount), 0) as explained_amount,
        coalesce(sum(reconciliation.unexplained_amount), 0) as unexplained_amount
    from reconciliation
    inner join services on reconciliation.service = services.service
    left join customers
        on
            reconciliation.service = customers.service
            and reconciliation.external_customer_id = customers.external_customer_id
    group by
        reconciliation.service,
        date_trunc(
            'month', {{ local_date('reconciliation.period_start', 'services.timezone') }}
        )::date,
        reconciliation.currency, reconciliation.plan_code,
        coalesce(customers.partner_province, customers.province), reconciliation.status

)

select * from final
