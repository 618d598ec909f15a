{{ config(post_hook="{{ analyze_keys('subscription_id, period_type, segment_start, charge') }}") }}

-- Every charge of every segment, each night: rating one costs less than finding out whether its
-- inputs changed. What is priced in a currency that nobody knows is in no line: an exception holds it.
with segment_charges as (

    select *
    from {{ ref('int_segment_charges') }}
    where decimals is not null and price_problem is null

),

segments as (

    select * from {{ ref('int_subscription_segments') }}

),

-- Usage that nobody knows how to add up is in no line: it is an exception.
usage as (

    select *
    from {{ ref('int_usage_by_segment') }}
    where aggregation is not null

),

metrics as (

    select *
    from {{ ref('int_metric_versions') }}
    where is_current

),

inputs as (

    select
        segments.service,
        segments.subscription_id,
        segments.external_subscription_id,
        segments.external_customer_id,
        segments.period_type,
        segments.period_start,
        segments.period_end,
        segments.segment_start,
        segments.segment_end,
        segments.plan_id,
        segments.plan_code,
        segments.plan_name,
        segments.is_trial,
        segments.proration,
        segments.fraction_numerator,
        segments.fraction_denominator,
        segment_charges.charge,
        segment_charges.charge_kind,
        segment_charges.metric,
        metrics.unit_name,
        segment_charges.charge_model,
        segment_charges.currency,
        segment_charges.base_fee,
        segment_charges.unit_price,
        segment_charges.included_quantity,
        segment_charges.minimum_amount,
        segment_charges.maximum_amount,
        segment_charges.package_size,
        segment_charges.rate_percent,
        segment_charges.tiers,
        segment_charges.discount,
        segment_charges.price_source,
        segment_charges.price_version,
        segment_charges.is_assumed_price,
        usage.aggregation,
        coalesce(usage.record_count, 0) as record_count,
        coalesce(usage.used_quantity, 0) as used_quantity,
        segment_charges.decimals
    from segment_charges
    inner join segments
        on
            segment_charges.subscription_id = segments.subscription_id
            and segment_charges.period_type = segments.period_type
            and segment_charges.segment_start = segments.segment_start
    left join usage
        on
            segment_charges.subscription_id = usage.subscription_id
            and segment_charges.period_type = usage.period_type
            and segment_charges.segment_start = usage.segment_start
            and segment_charges.metric = usage.metric
    left join metrics
        on
            segments.service = metrics.service
            and segment_charges.metric = metrics.metric

),

final as (

    select * from {{ rate_charges('inputs') }} as rated

)

select * from final
