{{ config(
    indexes=[{'columns': ['subscription_id', 'month_on']}, {'columns': ['month_on']}],
    post_hook='analyze {{ this }}',
) }}

-- Monthly recurring revenue: the fee in force when the month ends less its discount, whatever of it
-- was prorated away, beside the base lines of the month.
with pieces as (

    select *
    from {{ ref('int_segment_pieces') }}
    where period_type in ('all', 'base')

),

base_lines as (

    select *
    from {{ ref('int_rated_lines') }}
    where kind = 'base'

),

customers as (

    select * from {{ ref('dim_customers') }}

),

services as (

    select * from {{ ref('int_services') }}

),

-- A month is measured at its end; the running one now.
months as (

    select
        services.service,
        starts.month_on,
        starts.next_month_at <= {{ as_of() }} as is_month_over,
        least(starts.next_month_at, {{ as_of() }}) as measured_at
    from services
    cross join lateral (
        select
            month::date as month_on,
            {{ day_start("(month + interval '1 month')::date", 'services.timezone') }}
                as next_month_at
        from generate_series(
            timestamp '2000-01-01',
            date_trunc('month', {{ local_date(as_of(), 'services.timezone') }}::timestamp),
            interval '1 month'
        ) as month
    ) as starts

),

fee_pieces as (

    select
        base_lines.service,
        pieces.subscription_id,
        base_lines.external_customer_id,
        base_lines.plan_code,
        base_lines.currency,
        base_lines.is_trial,
        base_lines.decimals,
        -- Of a whole period, as the discount says it; it never makes a fee negative.
        case
            when base_lines.is_trial then 0
            else
                greatest(
                    base_lines.base_fee - coalesce(
                        base_lines.base_fee * (base_lines.discount ->> 'percent')::numeric * 0.01,
                        (base_lines.discount ->> 'amount')::numeric,
                        0
                    ),
                    0
                )
        end as base_fee,
        {{ months_of_days('pieces.period_days') }} as month_count,
        pieces.piece_start,
        pieces.piece_end
    from pieces
    inner join base_lines
        on
            pieces.subscription_id = base_lines.subscription_id
            and pieces.period_type = base_lines.period_type
            and pieces.segment_start = base_lines.segment_start

),

-- Each piece meets the few months that it touches.
measured as (

    select
        fee_pieces.*,
        months.month_on
    from fee_pieces
    inner join services on fee_pieces.service = services.service
    cross join lateral generate_series(
        date_trunc('month', {{ local_date('fee_pieces.piece_start', 'services.timezone') }}::timestamp),
        date_trunc('month', least(
            {{ local_date('fee_pieces.piece_end', 'services.timezone') }},
            {{ local_date(as_of(), 'services.timezone') }}
        )::timestamp),
        interval '1 month'
    ) as touched
    inner join months
        on
            fee_pieces.service = months.service
            and touched::date = months.month_on
            and fee_pieces.piece_start < months.measured_at
            and fee_pieces.piece_end >= months.measured_at

),

recurring as (

    select
        service,
        subscription_id,
        currency,
        month_on,
        min(external_customer_id) as external_customer_id,
        min(plan_code) as plan_code,
        bool_or(is_trial) as is_trial,
        round(sum({{ exact_divide('base_fee', 'month_count') }}), max(decimals)) as mrr_amount
    from measured
    group by service, subscription_id, currency, month_on

),

charged as (

    select
        base_lines.service,
        base_lines.subscription_id,
        base_lines.currency,
        date_trunc(
            'month', {{ local_date('base_lines.service_period_start', 'services.timezone') }}
        )::date as month_on,
        min(base_lines.external_customer_id) as external_customer_id,
        min(base_lines.plan_code) as plan_code,
        sum(base_lines.amount) as base_amount
    from base_lines
    inner join services on base_lines.service = services.service
    group by
        base_lines.service, base_lines.subscription_id, base_lines.currency,
        date_trunc(
            'month', {{ local_date('base_lines.service_period_start', 'services.timezone') }}
        )::date

),

-- Who left within a month has lines of it and no recurring revenue at its end.
joined as (

    select
        coalesce(recurring.service, charged.service) as service,
        coalesce(recurring.subscription_id, charged.subscription_id) as subscription_id,
        coalesce(recurring.currency, charged.currency) as currency,
        coalesce(recurring.month_on, charged.month_on) as month_on,
        coalesce(recurring.external_customer_id, charged.external_customer_id)
            as external_customer_id,
        coalesce(recurring.plan_code, charged.plan_code) as plan_code,
        recurring.subscription_id is not null as is_held,
        coalesce(recurring.is_trial, false) as is_trial,
        coalesce(recurring.mrr_amount, 0) as mrr_amount,
        coalesce(charged.base_amount, 0) as base_amount
    from recurring
    full outer join charged
        on
            recurring.subscription_id = charged.subscription_id
            and recurring.currency = charged.currency
            and recurring.month_on = charged.month_on

),

final as (

    select
        joined.service,
        joined.subscription_id,
        joined.external_customer_id,
        customers.customer_name,
        joined.plan_code,
        joined.month_on,
        joined.currency,
        joined.is_held,
        joined.is_trial,
        months.is_month_over,
        joined.mrr_amount,
        joined.base_amount
    from joined
    inner join months on joined.service = months.service and joined.month_on = months.month_on
    left join customers
        on
            joined.service = customers.service
            and joined.external_customer_id = customers.external_customer_id

)

select * from final
