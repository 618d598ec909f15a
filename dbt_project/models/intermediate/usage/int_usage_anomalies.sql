-- Usage far from the subscription's own past: a billing period, or a week of it, compared by its pace with
-- the windows before. Median and median deviation: one earlier spike moves neither.
with segment_usage as (

    select *
    from {{ ref('int_usage_by_segment') }}
    where aggregation in ('sum', 'count')

),

pieces as (

    select *
    from {{ ref('int_segment_pieces') }}
    where period_type in ('all', 'usage')

),

slices as (

    select * from {{ ref('int_usage_by_slice') }}

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

services as (

    select * from {{ ref('int_services') }}

),

limits as (

    select * from {{ ref('usage_anomaly_limits') }}

),

-- What makes a median deviation comparable with the standard deviation of a normal distribution.
constants as (

    select 1.4826 as deviation_scale

),

-- Only what was held until now is behind a pace.
held_periods as (

    select
        subscription_id,
        period_start,
        period_end,
        sum(
            greatest({{ seconds_between('piece_start', 'least(piece_end, ' ~ as_of() ~ ')') }}, 0)
        ) as held_seconds
    from pieces
    group by subscription_id, period_start, period_end

),

period_usage as (

    select
        subscription_id,
        metric,
        period_start,
        min(aggregation) as aggregation,
        sum(used_quantity) as used_quantity
    from segment_usage
    group by subscription_id, metric, period_start

),

months as (

    select
        subscriptions.service,
        'month' as window_type,
        period_usage.subscription_id,
        period_usage.metric,
        period_usage.period_start as window_start,
        least(held_periods.period_end, {{ as_of() }}) as window_end,
        period_usage.period_start,
        period_usage.used_quantity,
        period_usage.used_quantity * 86400 / held_periods.held_seconds as daily_quantity
    from period_usage
    inner join subscriptions on period_usage.subscription_id = subscriptions.subscription_id
    inner join held_periods
        on
            period_usage.subscription_id = held_periods.subscription_id
            and period_usage.period_start = held_periods.period_start
    where held_periods.held_seconds >= 86400

),

-- A slice begins on the 1st, 9th, 17th or 25th; what is summed of it, by day that it has had until now.
week_bounds as (

    select
        subscriptions.service,
        slices.subscription_id,
        slices.metric,
        {{ day_start('slices.slice_on', 'services.timezone') }} as window_start,
        least(
            {{ day_start(
                "least(slices.slice_on + 8, (date_trunc('month', slices.slice_on::timestamp)"
                ~ " + interval '1 month')::date)", 'services.timezone'
            ) }},
            subscriptions.held_until,
            {{ as_of() }}
        ) as window_end,
        greatest(
            {{ day_start('slices.slice_on', 'services.timezone') }}, subscriptions.held_from
        ) as held_start,
        slices.first_event_at,
        slices.summed_quantity
    from slices
    inner join subscriptions on slices.subscription_id = subscriptions.subscription_id
    inner join services on subscriptions.service = services.service
    where slices.unique_value is null

),

weeks as (

    select
        week_bounds.service,
        'week' as window_type,
        week_bounds.subscription_id,
        week_bounds.metric,
        week_bounds.window_start,
        week_bounds.window_end,
        held_periods.period_start,
        week_bounds.summed_quantity as used_quantity,
        week_bounds.summed_quantity * 86400
        / {{ seconds_between('week_bounds.held_start', 'week_bounds.window_end') }}
            as daily_quantity
    from week_bounds
    inner join held_periods
        on
            week_bounds.subscription_id = held_periods.subscription_id
            and week_bounds.first_event_at >= held_periods.period_start
            and week_bounds.first_event_at < held_periods.period_end
    -- The sums of a metric that adds nothing up are no pace.
    inner join period_usage
        on
            week_bounds.subscription_id = period_usage.subscription_id
            and week_bounds.metric = period_usage.metric
            and held_periods.period_start = period_usage.period_start
    where week_bounds.window_end - week_bounds.held_start >= interval '1 day'

),

windows as (

    select * from months
    union all
    select * from weeks

),

-- One list and one median a subscription: the windows near it are as usual, and looked at no closer. Lists
-- are taken apart again instead of joined: the planner would take them for short, and join row by row.
histories as (

    select
        windows.service,
        windows.subscription_id,
        windows.metric,
        windows.window_type,
        limits.deviation_limit,
        limits.spread_floor_percent,
        limits.least_history_count,
        array_agg(windows.window_start order by windows.window_start) as window_starts,
        array_agg(windows.window_end order by windows.window_start) as window_ends,
        array_agg(windows.period_start order by windows.window_start) as period_starts,
        array_agg(windows.used_quantity order by windows.window_start) as used_quantities,
        array_agg(windows.daily_quantity order by windows.window_start) as daily_quantities,
        (
            percentile_disc(0.5) within group (order by windows.daily_quantity)
            + percentile_disc(0.5) within group (order by windows.daily_quantity desc)
        ) / 2 as usual_quantity
    from windows
    inner join limits
        on windows.service = limits.service and windows.window_type = limits.window_type
    group by
        windows.service, windows.subscription_id, windows.metric, windows.window_type,
        limits.deviation_limit, limits.spread_floor_percent, limits.least_history_count

),

-- Each of the others with those before it: up to two years of months, half a year of weeks. What is long
-- billed is asked of nobody any more.
with_past as (

    select
        histories.service,
        histories.subscription_id,
        histories.metric,
        histories.window_type,
        listed.window_start,
        listed.window_end,
        listed.period_start,
        listed.used_quantity,
        listed.daily_quantity,
        histories.deviation_limit,
        histories.spread_floor_percent,
        histories.daily_quantities[
            greatest(listed.window_number - 24, 1):listed.window_number - 1
        ] as past_quantities
    from histories
    cross join lateral unnest(
        histories.window_starts, histories.window_ends, histories.period_starts,
        histories.used_quantities, histories.daily_quantities
    ) with ordinality as listed (
        window_start, window_end, period_start, used_quantity, daily_quantity, window_number
    )
    where
        listed.window_number > histories.least_history_count
        and listed.window_end > {{ as_of() }} - interval '{{ var("anomaly_days", 185) }} days'
        and (
            listed.daily_quantity > 1.5 * histories.usual_quantity
            or listed.daily_quantity * 1.5 < histories.usual_quantity
        )

),

judged as (

    select
        with_past.*,
        medians.median_quantity
    from with_past
    cross join lateral (
        select
            (
                percentile_disc(0.5) within group (order by quantity)
                + percentile_disc(0.5) within group (order by quantity desc)
            ) / 2 as median_quantity
        from unnest(with_past.past_quantities) as quantity
    ) as medians
    -- Half or double at least: nothing else is worth a question.
    where
        with_past.daily_quantity > 2 * medians.median_quantity
        or with_past.daily_quantity * 2 < medians.median_quantity

),

deviating as (

    select
        judged.*,
        greatest(
            spreads.deviation_quantity * constants.deviation_scale,
            judged.median_quantity * judged.spread_floor_percent / 100
        ) as spread_quantity
    from judged
    cross join constants
    cross join lateral (
        select
            (
                percentile_disc(0.5) within group (order by abs(quantity - judged.median_quantity))
                + percentile_disc(0.5) within group (
                    order by abs(quantity - judged.median_quantity) desc
                )
            ) / 2 as deviation_quantity
        from unnest(judged.past_quantities) as quantity
    ) as spreads

),

final as (

    select
        service,
        subscription_id,
        metric,
        window_type,
        window_start,
        window_end,
        period_start,
        used_quantity,
        round(daily_quantity, 6) as daily_quantity,
        round(median_quantity, 6) as median_daily_quantity,
        round(spread_quantity, 6) as spread_daily_quantity,
        cardinality(past_quantities) as history_count,
        deviation_limit,
        round(abs(daily_quantity - median_quantity) / nullif(spread_quantity, 0), 1) as deviation
    from deviating
    -- No spread at all: whatever is used after nothing was.
    where abs(daily_quantity - median_quantity) > deviation_limit * spread_quantity

)

select * from final
