{{ config(materialized='view') }}

with rated_lines as (

    select * from {{ ref('int_rated_lines') }}

),

rated_charges as (

    select * from {{ ref('int_rated_charges') }}

),

periods as (

    select * from {{ ref('int_subscription_periods') }}

),

final as (

    select
        rated_lines.line_key,
        jsonb_build_object(
            'start', periods.period_start,
            'end', periods.period_end,
            'full_start', periods.full_period_start,
            'full_end', periods.full_period_end,
            'stream', periods.period_type,
            'rule', periods.period_rule,
            'time_zone', periods.timezone,
            'anchor_on', periods.anchor_on
        ) as period,
        jsonb_build_object(
            'start', rated_lines.segment_start,
            'end', rated_lines.segment_end,
            'plan', rated_lines.plan_code,
            'is_trial', rated_lines.is_trial,
            'proration', rated_lines.proration,
            'numerator', rated_lines.fraction_numerator::text,
            'denominator', rated_lines.fraction_denominator::text
        ) as segment,
        jsonb_build_object(
            'source', rated_lines.price_source,
            'version', rated_lines.price_version,
            'is_assumed', rated_lines.is_assumed_price,
            'charge_model', rated_lines.charge_model,
            'base_fee', rated_charges.base_fee::text,
            'unit_price', rated_charges.unit_price::text,
            'package_size', rated_charges.package_size::text,
            'rate_percent', rated_charges.rate_percent::text,
            'minimum', rated_charges.minimum_amount::text,
            'maximum', rated_charges.maximum_amount::text
        ) as price,
        case
            when rated_lines.kind = 'usage'
                then jsonb_build_object(
                    'metric', rated_lines.metric,
                    'aggregation', rated_lines.aggregation,
                    'used', trim_scale(rated_lines.quantity)::text,
                    'included_in_a_whole_period', trim_scale(rated_charges.included_quantity)::text,
                    'included', trim_scale(rated_lines.included_quantity)::text,
                    'billable', trim_scale(rated_lines.billable_quantity)::text
                )
        end as quota,
        jsonb_build_object(
            'exact', rated_lines.exact_amount::text,
            'rounded', rated_lines.amount::text,
            'currency', rated_lines.currency,
            'decimals', rated_charges.decimals,
            'rounding', 'once, half away from zero'
        ) as amount
    from rated_lines
    inner join rated_charges
        on
            rated_lines.subscription_id = rated_charges.subscription_id
            and rated_lines.period_type = rated_charges.period_type
            and rated_lines.segment_start = rated_charges.segment_start
            and rated_lines.charge = rated_charges.charge
    left join periods
        on
            rated_lines.subscription_id = periods.subscription_id
            and rated_lines.period_type = periods.period_type
            and rated_lines.service_period_start = periods.period_start

)

select * from final
