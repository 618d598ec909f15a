{{
    config(
        indexes=[
            {'columns': ['line_key']},
            {'columns': ['subscription_id', 'service_period_start']},
        ],
        post_hook="{{ analyze_keys('line_key, subscription_id, service_period_start, currency, charge, kind, metric') }}"
    )
}}

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

rated as (

    select * from {{ rate_charges('inputs') }} as rated

),

-- What a minimum asks beyond the usage is a line of its own.
lines as (

    select
        rated.*,
        line.kind,
        line.quantity,
        line.included_quantity as line_included_quantity,
        line.billable_quantity as line_billable_quantity,
        line.unit_price as line_unit_price,
        line.exact_amount as line_exact_amount,
        line.amount as line_amount
    from rated
    cross join lateral (
        values
        (
            rated.charge_kind,
            case when rated.charge_kind = 'usage' then rated.used_quantity else 1 end,
            case when rated.charge_kind = 'usage' then rated.prorated_included_quantity else 0 end,
            case when rated.charge_kind = 'usage' then rated.billable_quantity else 1 end,
            case when rated.charge_kind = 'usage' then rated.unit_price else rated.base_fee end,
            rated.exact_amount,
            rated.amount
        ),
        (
            'minimum', 1, 0, 1, rated.minimum_amount, rated.minimum_exact_amount,
            rated.minimum_shortfall_amount
        )
    ) as line (
        kind, quantity, included_quantity, billable_quantity, unit_price, exact_amount, amount
    )
    where line.kind <> 'minimum' or line.exact_amount is not null

),

final as (

    select
        {{ hash_key([
            'service', 'external_subscription_id', iso_utc('period_start'), 'kind', 'charge',
            iso_utc('segment_start'), "''", '0',
        ]) }} as line_key,
        service,
        subscription_id,
        external_subscription_id,
        external_customer_id,
        currency,
        period_type,
        period_start as service_period_start,
        period_end as service_period_end,
        segment_start,
        segment_end,
        plan_id,
        plan_code,
        plan_name,
        is_trial,
        kind,
        charge,
        metric,
        unit_name,
        charge_model,
        aggregation,
        record_count,
        quantity,
        line_included_quantity as included_quantity,
        line_billable_quantity as billable_quantity,
        line_unit_price as unit_price,
        proration,
        fraction_numerator,
        fraction_denominator,
        case when kind <> 'minimum' then discount end as discount,
        case when kind <> 'minimum' then discount_exact_amount end as discount_exact_amount,
        line_exact_amount as exact_amount,
        line_amount as amount,
        price_source,
        price_version,
        is_assumed_price,
        -- What the charge costs in a whole period, as the price says it.
        base_fee,
        unit_price as price_per_unit,
        included_quantity as full_included_quantity,
        minimum_amount,
        maximum_amount,
        package_size,
        rate_percent,
        tiers,
        decimals,
        concat_ws(
            '; ',
            case kind
                when 'minimum' then 'minimum spend'
                when 'usage' then charge_model
                else kind
            end,
            case
                when is_trial then 'trial, not charged'
                when kind = 'one_off' then 'once'
                else proration || ' ' || fraction_numerator || '/' || fraction_denominator
            end,
            case when kind <> 'minimum' then {{ discount_text() }} end,
            price_version
        ) as rule
    from lines

)

select * from final
