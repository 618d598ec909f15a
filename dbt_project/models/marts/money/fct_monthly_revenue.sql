{{ config(indexes=[{'columns': ['revenue_month']}]) }}

-- What was earned and what was invoiced, in rows that add up.
with rated_lines as (

    select * from {{ ref('int_rated_lines') }}

),

reconciliation as (

    select * from {{ ref('fct_reconciliation') }}

),

one_offs as (

    select *
    from {{ ref('fct_one_off_invoices') }}
    where invoice_status in ('open', 'paid', 'uncollectible')

),

services as (

    select * from {{ ref('int_services') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

earned as (

    select
        service,
        external_customer_id,
        subscription_id,
        'subscription' as stream,
        service_period_start as revenue_at,
        service_period_end <= {{ as_of() }} as is_period_over,
        currency,
        coalesce(sum(amount) filter (where kind = 'base'), 0) as base_amount,
        coalesce(sum(amount) filter (where kind = 'usage'), 0) as usage_amount,
        coalesce(sum(amount) filter (where kind not in ('base', 'usage')), 0) as other_amount,
        0::numeric as invoiced_amount
    from rated_lines
    group by
        service, external_customer_id, subscription_id, service_period_start, service_period_end,
        currency

),

invoiced as (

    select
        service,
        external_customer_id,
        subscription_id,
        'subscription' as stream,
        period_start as revenue_at,
        true as is_period_over,
        currency,
        0::numeric as base_amount,
        0::numeric as usage_amount,
        0::numeric as other_amount,
        actual_amount + billed_amount as invoiced_amount
    from reconciliation
    where status <> 'not_comparable'
    union all
    select
        service,
        external_customer_id,
        null::text as subscription_id,
        'one_off' as stream,
        coalesce(period_start, issued_at) as revenue_at,
        true as is_period_over,
        currency,
        0::numeric as base_amount,
        0::numeric as usage_amount,
        amount as other_amount,
        amount as invoiced_amount
    from one_offs

),

-- What was earned and what was invoiced, in rows that add up.
unioned as (

    select * from earned
    union all
    select * from invoiced

),

final as (

    select
        unioned.service,
        unioned.external_customer_id,
        customers.customer_name,
        unioned.subscription_id,
        unioned.stream,
        date_trunc('month', {{ local_date('unioned.revenue_at', 'services.timezone') }})::date
            as revenue_month,
        unioned.currency,
        sum(unioned.base_amount) as base_amount,
        sum(unioned.usage_amount) as usage_amount,
        sum(unioned.other_amount) as other_amount,
        sum(unioned.base_amount + unioned.usage_amount + unioned.other_amount) as earned_amount,
        sum(unioned.invoiced_amount) as invoiced_amount,
        bool_and(unioned.is_period_over) as is_month_over
    from unioned
    inner join services on unioned.service = services.service
    left join customers
        on
            unioned.service = customers.service
            and unioned.external_customer_id = customers.external_customer_id
    group by
        unioned.service, unioned.external_customer_id, customers.customer_name,
        unioned.subscription_id, unioned.stream,
        date_trunc('month', {{ local_date('unioned.revenue_at', 'services.timezone') }})::date,
        unioned.currency
    having
        sum(unioned.base_amount + unioned.usage_amount + unioned.other_amount) <> 0
        or sum(unioned.invoiced_amount) <> 0

)

select * from final
