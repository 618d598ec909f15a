{{ config(materialized='view') }}

with lines as (

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

services as (

    select * from {{ ref('int_services') }}

),

described as (

    select
        lines.*,
        billed_otherwise.corrected_period_starts,
        {{ local_date('lines.segment_start', 'services.timezone') }} as service_start_on,
        {{ local_date("lines.segment_end - interval '1 microsecond'", 'services.timezone') }}
            as service_end_on,
        case
            when lines.fraction_numerator = lines.fraction_denominator then ''
            when lines.kind = 'one_off' then ''
            when lines.proration = 'second'
                then
                    format(
                        ' (%s of %s hours)',
                        trim_scale(round(lines.fraction_numerator / 3600, 2)),
                        trim_scale(round(lines.fraction_denominator / 3600, 2))
                    )
            else format(' (%s of %s days)', lines.fraction_numerator, lines.fraction_denominator)
        end as share_text,
        coalesce(
            case when subscriptions.plan_code = lines.plan_code then subscriptions.plan_name end,
            lines.plan_code
        ) as plan_text
    from lines
    inner join subscriptions on lines.subscription_id = subscriptions.subscription_id
    inner join services on lines.service = services.service
    -- Once anything of a charge is billed, whatever is new or other in it is an adjustment.
    inner join balances
        on
            lines.subscription_id = balances.subscription_id
            and lines.service_period_start = balances.service_period_start
            and lines.currency = balances.currency
            and lines.charge = balances.charge
            and not balances.is_billed
    left join billed_otherwise
        on
            lines.subscription_id = billed_otherwise.subscription_id
            and lines.charge = billed_otherwise.charge
            and lines.service_period_start = billed_otherwise.rated_period_start
    where billed_otherwise.is_held is not true

),

final as (

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
        || share_text || ', ' || service_start_on || ' to ' || service_end_on as description
    from described

)

select * from final
