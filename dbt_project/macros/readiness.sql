{#- Finished periods judged: which agree, and how many in a row. Asked twice, of what was accepted at
    the last build and of what was accepted since. -#}
{% macro judged_periods(periods, causes, acceptances) -%}
    with accepted as (

        -- A cause is accepted for its amount: another amount has to be accepted again.
        select
            causes.subscription_id,
            causes.period_start,
            causes.period_end,
            bool_and(acceptances.cause is not null) as is_accepted
        from {{ causes }} as causes
        left join (
            select distinct
                service,
                external_subscription_id,
                period_start,
                cause,
                amount,
                currency
            from {{ acceptances }}
        ) as acceptances
            on
                causes.service = acceptances.service
                and causes.external_subscription_id = acceptances.external_subscription_id
                and causes.period_start = acceptances.period_start
                and causes.cause = acceptances.cause
                and causes.amount = acceptances.amount
                and causes.currency = acceptances.currency
        group by causes.subscription_id, causes.period_start, causes.period_end

    ),

    judged as (

        select
            periods.*,
            coalesce(accepted.is_accepted, false) as is_accepted,
            periods.status in ('match', 'nothing_to_bill')
            or (periods.status = 'explained' and coalesce(accepted.is_accepted, false))
                as is_agreeing
        from {{ periods }} as periods
        left join accepted
            on
                periods.subscription_id = accepted.subscription_id
                and periods.period_start = accepted.period_start
                and periods.period_end = accepted.period_end

    ),

    islands as (

        select
            *,
            count(*) filter (where not is_agreeing) over (
                partition by subscription_id
                order by period_end, period_start
            ) as failure_number
        from judged

    )

    select
        service,
        subscription_id,
        external_subscription_id,
        external_customer_id,
        plan_code,
        period_start,
        period_end,
        period_start_on,
        currency,
        status,
        compared_side,
        expected_amount,
        delta_amount,
        unexplained_amount,
        is_accepted,
        is_agreeing,
        count(*) filter (where is_agreeing) over (
            partition by subscription_id, failure_number
            order by period_end, period_start
        )::integer as agreeing_period_count
    from islands
{%- endmacro %}

{#- Of each subscription the last period that the app and we can be compared on: what nobody has
    invoiced yet proves nothing, and from its gate on a subscription is Odoo's. -#}
{% macro latest_compared(history) -%}
    select distinct on (subscription_id)
        subscription_id,
        period_start,
        period_end,
        status,
        delta_amount,
        unexplained_amount,
        currency,
        agreeing_period_count
    from {{ history }}
    where compared_side = 'actual' and status <> 'missing_actual'
    order by subscription_id asc, period_end desc, period_start desc
{%- endmacro %}

{#- How many subscriptions agreed in each month. -#}
{% macro agreement_by_month(history) -%}
    select
        service,
        period_month,
        count(*)::integer as subscription_count,
        count(*) filter (where is_agreeing)::integer as agreeing_count,
        count(*) filter (where is_missing_actual)::integer as missing_actual_count,
        count(*) filter (where is_disagreeing)::integer as disagreeing_count
    from (
        select
            service,
            subscription_id,
            date_trunc('month', period_start_on)::date as period_month,
            bool_or(is_agreeing) as is_agreeing,
            bool_or(status = 'missing_actual') as is_missing_actual,
            bool_or(status in ('unexplained', 'missing_expected', 'not_comparable', 'double_issuer'))
                as is_disagreeing
        from {{ history }}
        group by service, subscription_id, date_trunc('month', period_start_on)::date
    ) as subscriptions
    group by service, period_month
{%- endmacro %}
