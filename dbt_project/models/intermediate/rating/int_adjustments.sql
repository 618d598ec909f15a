with balances as (

    select *
    from {{ ref('int_charge_balances') }}
    where is_billed and difference_amount <> 0

),

billed_otherwise as (

    select distinct
        subscription_id,
        charge,
        billed_period_start
    from {{ ref('int_service_time_overlaps') }}
    where is_orphan

),

billed_lines as (

    select *
    from {{ ref('int_billed_lines') }}
    where kind <> 'credit'

),

services as (

    select * from {{ ref('int_services') }}

),

metrics as (

    select *
    from {{ ref('int_metric_versions') }}
    where is_current

),

terms as (

    select *
    from {{ ref('int_subscription_terms') }}
    where period_type in ('all', 'usage')

),

-- The pace of today: yearly plans still bill their usage by the month.
current_terms as (

    select distinct on (subscription_id)
        *,
        {{ local_date(as_of(), 'timezone') }} as today
    from terms
    order by subscription_id, (term_start > {{ as_of() }})::int, term_start desc

),

boundary_candidates as (

    select
        current_terms.*,
        ordinal
    from current_terms
    cross join lateral generate_series(
        {{ boundary_ordinal('current_terms.today', 'current_terms') }} - 1,
        {{ boundary_ordinal('current_terms.today', 'current_terms') }} + 1
    ) as ordinal

),

bounded as (

    select
        *,
        {{ day_start(boundary_day('grid_day', 'ordinal', 'step_months', 'day_count'), 'timezone') }}
            as period_start,
        {{ day_start(
            boundary_day('grid_day', '(ordinal + 1)', 'step_months', 'day_count'), 'timezone'
        ) }} as period_end
    from boundary_candidates

),

-- Where another term begins within it, a period begins or ends there.
open_periods as (

    select
        subscription_id,
        max(case
            when is_first_term then period_start
            else greatest(period_start, least(term_start, {{ as_of() }}))
        end) as period_start,
        min(least(period_end, term_end)) as period_end
    from bounded
    where period_start <= {{ as_of() }} and period_end > {{ as_of() }}
    group by subscription_id

),

-- A correction goes where the invoice went, with its taxes and product, whatever the sources say of
-- the customer today.
latest_lines as (

    select distinct on (subscription_id, rated_period_start, currency, charge)
        subscription_id,
        rated_period_start,
        currency,
        charge,
        partner_id,
        tax_ids,
        content
    from billed_lines
    order by
        subscription_id, rated_period_start, currency, charge, kind = 'adjustment',
        segment_start desc nulls last, line_key

),

-- The next open period of a subscription that is gone from its source is the month. Of a period that
-- was billed and is held under other boundaries now, nothing is given back by itself.
identified as (

    select
        balances.*,
        latest_lines.partner_id,
        latest_lines.tax_ids,
        latest_lines.content,
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
    inner join latest_lines
        on
            balances.subscription_id = latest_lines.subscription_id
            and balances.service_period_start = latest_lines.rated_period_start
            and balances.currency = latest_lines.currency
            and balances.charge = latest_lines.charge
    left join billed_otherwise
        on
            balances.subscription_id = billed_otherwise.subscription_id
            and balances.charge = billed_otherwise.charge
            and balances.service_period_start = billed_otherwise.billed_period_start
    left join open_periods on balances.subscription_id = open_periods.subscription_id
    left join metrics
        on balances.service = metrics.service and balances.metric = metrics.metric
    where billed_otherwise.subscription_id is null

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
            "'adjustment'", 'charge', 'currency', iso_utc('service_period_start'),
            'adjustment_number',
        ]) }} as line_key,
        service,
        subscription_id,
        external_subscription_id,
        content ->> 'external_customer_id' as external_customer_id,
        partner_id,
        content ->> 'customer_name' as customer_name,
        content ->> 'product_code' as product_code,
        (content ->> 'product_id')::bigint as product_id,
        tax_ids,
        content -> 'tax_components' as tax_components,
        currency,
        charge,
        metric,
        plan_code,
        rated_amount,
        billed_amount,
        difference_amount as amount,
        last_adjustment_number,
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
