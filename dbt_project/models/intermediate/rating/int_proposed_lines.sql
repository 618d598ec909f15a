{{ config(materialized='view') }}

-- What may be billed next: lines of charges of which nothing is billed yet, each in its own service
-- period, and the adjustments of those that are.
with adjustments as (

    select * from {{ ref('int_adjustments') }}

),

services as (

    select * from {{ ref('int_services') }}

),

policies as (

    select * from {{ ref('int_service_policies') }}

),

-- A yearly plan has two streams of periods, cut by the same policies.
period_policies as (

    select distinct on (subscription_id, period_start) *
    from {{ ref('int_subscription_periods') }}
    order by subscription_id asc, period_start asc, period_type asc

),

metrics as (

    select * from {{ ref('int_metric_versions') }}

),

rated_lines as (

    select *
    from {{ ref('int_rated_lines') }}
    where amount <> 0

),

balances as (

    select * from {{ ref('int_charge_balances') }}

),

-- Service time that was billed under another period start: held, or free since it was corrected.
billed_otherwise as (

    select
        subscription_id,
        charge,
        rated_period_start,
        bool_or(is_held) as is_held,
        array_agg(billed_period_start order by billed_period_start) as corrected_period_starts
    from {{ ref('int_service_time_overlaps') }}
    group by subscription_id, charge, rated_period_start

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

described as (

    select
        rated_lines.*,
        billed_otherwise.corrected_period_starts,
        {{ local_date('rated_lines.segment_start', 'services.timezone') }} as service_start_on,
        {{ local_date("rated_lines.segment_end - interval '1 microsecond'", 'services.timezone') }}
            as service_end_on,
        case
            when rated_lines.fraction_numerator = rated_lines.fraction_denominator then ''
            when rated_lines.kind = 'one_off' then ''
            when rated_lines.proration = 'second'
                then
                    format(
                        ' (%s of %s hours)',
                        trim_scale(round(rated_lines.fraction_numerator / 3600, 2)),
                        trim_scale(round(rated_lines.fraction_denominator / 3600, 2))
                    )
            else format(' (%s of %s days)', rated_lines.fraction_numerator, rated_lines.fraction_denominator)
        end as share_text,
        coalesce(
            case when subscriptions.plan_code = rated_lines.plan_code then subscriptions.plan_name end,
            rated_lines.plan_code
        ) as plan_text
    from rated_lines
    inner join subscriptions on rated_lines.subscription_id = subscriptions.subscription_id
    inner join services on rated_lines.service = services.service
    -- Once anything of a charge is billed, whatever is new or other in it is an adjustment.
    inner join balances
        on
            rated_lines.subscription_id = balances.subscription_id
            and rated_lines.service_period_start = balances.service_period_start
            and rated_lines.currency = balances.currency
            and rated_lines.charge = balances.charge
            and not balances.is_billed
    left join billed_otherwise
        on
            rated_lines.subscription_id = billed_otherwise.subscription_id
            and rated_lines.charge = billed_otherwise.charge
            and rated_lines.service_period_start = billed_otherwise.rated_period_start
    where billed_otherwise.is_held is not true

),

ordinary_lines as (

    select
        *,
        plan_text || ': ' || case kind
            when 'base' then 'base fee'
            when 'one_off' then charge
            when 'minimum' then 'minimum spend on ' || coalesce(unit_name, metric)
            else
                {{ readable_quantity('quantity') }} || ' ' || coalesce(unit_name, metric) || ' used, '
                || {{ readable_quantity('included_quantity') }} || ' included, '
                || {{ readable_quantity('billable_quantity') }} || ' billed'
                || case charge_model
                    when 'per_unit' then ' at ' || trim_scale(unit_price)
                    when 'package' then ' in packages at ' || trim_scale(unit_price)
                    else ' (' || charge_model || ')'
                end
        end
        || share_text || coalesce(', ' || {{ discount_text() }}, '') || ', ' || service_start_on || ' to ' || service_end_on as description
    from described

),

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
            'duplicate_policy', policies.duplicate_policy,
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
