{{ config(materialized='view') }}

with ordinary_lines as (

    select * from {{ ref('int_priced_lines') }}

),

adjustments as (

    select * from {{ ref('int_adjustments') }}

),

services as (

    select * from {{ ref('int_services') }}

),

policies as (

    select * from {{ ref('int_service_policies') }}

),

period_policies as (

    select * from {{ ref('int_period_policies') }}

),

metrics as (

    select * from {{ ref('int_metric_versions') }}

),

-- An ordinary line is billed in its own service period.
lines as (

    select
        line_key,
        service,
        subscription_id,
        external_subscription_id,
        external_customer_id,
        currency,
        kind,
        charge,
        metric,
        plan_code,
        description,
        quantity,
        included_quantity,
        billable_quantity,
        unit_price,
        exact_amount,
        amount,
        fraction_numerator || '/' || fraction_denominator as fraction,
        price_source,
        rule,
        service_period_start,
        service_period_end,
        service_period_start as billing_period_start,
        service_period_end as billing_period_end,
        service_start_on,
        service_end_on,
        segment_start,
        segment_end,
        null::timestamptz as corrects_period_start,
        0 as adjustment_number,
        is_assumed_price,
        0::numeric as assumed_billed_amount,
        0 as assumed_adjustment_number,
        corrected_period_starts
    from ordinary_lines
    union all
    select
        line_key,
        service,
        subscription_id,
        external_subscription_id,
        external_customer_id,
        currency,
        'adjustment' as kind,
        charge,
        metric,
        plan_code,
        description,
        1 as quantity,
        0 as included_quantity,
        1 as billable_quantity,
        amount as unit_price,
        amount as exact_amount,
        amount,
        null::text as fraction,
        null::text as price_source,
        're-rated ' || rated_amount || ', billed ' || billed_amount as rule,
        service_period_start,
        service_period_end,
        billing_period_start,
        billing_period_end,
        service_start_on,
        service_end_on,
        null::timestamptz as segment_start,
        null::timestamptz as segment_end,
        service_period_start as corrects_period_start,
        adjustment_number,
        is_assumed_price,
        billed_amount as assumed_billed_amount,
        last_adjustment_number as assumed_adjustment_number,
        null::timestamptz[] as corrected_period_starts
    from adjustments

),

final as (

    select
        lines.*,
        (lines.service_period_end at time zone services.timezone + services.usage_grace)
        at time zone services.timezone <= {{ as_of() }} as is_billable,
        -- Frozen with the line: what it was rated by, so that a change over billed time is noticed.
        jsonb_strip_nulls(jsonb_build_object(
            'timezone', coalesce(period_policies.timezone, policies.timezone),
            'period_rule', coalesce(period_policies.period_rule, policies.period_rule),
            'proration', coalesce(period_policies.proration, policies.proration),
            'bill_suspended',
            coalesce(period_policies.bill_suspended, policies.bill_suspended)::text,
            'duplicate_policy',
            coalesce(period_policies.duplicate_policy, policies.duplicate_policy),
            'aggregation', metrics.aggregation
        )) as policies
    from lines
    inner join services on lines.service = services.service
    left join policies
        on
            lines.service = policies.service
            and lines.service_period_start >= policies.valid_from_at
            and lines.service_period_start < policies.valid_until_at
    left join period_policies
        on
            lines.subscription_id = period_policies.subscription_id
            and lines.service_period_start = period_policies.period_start
    left join metrics
        on
            lines.service = metrics.service
            and lines.metric = metrics.metric
            and lines.service_period_start >= metrics.valid_from
            and lines.service_period_start < metrics.valid_until

)

select * from final
