with balances as (

    select *
    from {{ ref('int_charge_balances') }}
    where is_billed and difference_amount <> 0

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

services as (

    select * from {{ ref('int_services') }}

),

open_periods as (

    select * from {{ ref('int_open_periods') }}

),

metrics as (

    select * from {{ ref('int_metrics') }}

),

-- Of a subscription that is gone from its source, the ledger still knows whose it was; its next
-- open period is the month.
identified as (

    select
        balances.*,
        coalesce(subscriptions.external_customer_id, balances.external_customer_id)
            as customer_id,
        services.timezone,
        services.usage_grace,
        balances.last_adjustment_number + 1 as adjustment_number,
        coalesce(
            open_periods.period_start,
            {{ day_start(
                "date_trunc('month', " ~ as_of() ~ " at time zone services.timezone)",
                'services.timezone'
            ) }}
        ) as billing_period_start,
        coalesce(
            open_periods.period_end,
            {{ day_start(
                "(date_trunc('month', " ~ as_of()
                ~ " at time zone services.timezone) + interval '1 month')",
                'services.timezone'
            ) }}
        ) as billing_period_end,
        coalesce(metrics.unit_name, balances.metric, balances.charge) as charge_text
    from balances
    inner join services on balances.service = services.service
    left join subscriptions on balances.subscription_id = subscriptions.subscription_id
    left join open_periods on balances.subscription_id = open_periods.subscription_id
    left join metrics
        on balances.service = metrics.service and balances.metric = metrics.metric

),

dated as (

    select
        *,
        {{ local_date('service_period_start', 'timezone') }} as service_start_on,
        {{ local_date("service_period_end - interval '1 microsecond'", 'timezone') }}
            as service_end_on
    from identified

),

final as (

    select
        {{ hash_key([
            'service', 'external_subscription_id', iso_utc('service_period_start'),
            "'adjustment'", 'charge', "''", iso_utc('service_period_start'), 'adjustment_number',
        ]) }} as line_key,
        service,
        subscription_id,
        external_subscription_id,
        customer_id as external_customer_id,
        currency,
        charge,
        metric,
        plan_code,
        rated_amount,
        billed_amount,
        difference_amount as amount,
        is_assumed_price,
        service_period_start,
        service_period_end,
        service_start_on,
        service_end_on,
        billing_period_start,
        billing_period_end,
        adjustment_number,
        'Adjustment ' || adjustment_number || ' of ' || charge_text || ', '
        || service_start_on || ' to ' || service_end_on
        || ': ' || rated_amount || ' instead of ' || billed_amount as description
    from dated

)

select * from final
