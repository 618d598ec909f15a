{{ config(pre_hook="{{ usage_must_be_held() }}") }}

-- depends_on: {{ ref('int_usage_events') }}
-- Counted records that reach no line: where nothing is held, and where nothing prices what is held.
with split_records as (

    select * from {{ ref('int_usage_split_records') }}

),

ledger as (

    select *
    from {{ ref('int_usage_ledger') }}
    where is_counted

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

services as (

    select * from {{ ref('int_services') }}

),

metrics as (

    select *
    from {{ ref('int_metric_versions') }}
    where is_current

),

usage_by_segment as (

    select * from {{ ref('int_usage_by_segment') }}

),

slices as (

    select * from {{ ref('int_usage_by_slice') }}

),

pieces as (

    select * from {{ ref('int_segment_pieces') }}

),

segment_charges as (

    select distinct
        subscription_id,
        period_type,
        segment_start,
        metric
    from {{ ref('int_segment_charges') }}
    where charge_kind = 'usage' and decimals is not null and price_problem is null

),

-- The time whose usage no charge asks for, or nobody knows how to add up.
unpriced_pieces as (

    select
        usage_by_segment.subscription_id,
        usage_by_segment.metric,
        pieces.piece_start,
        pieces.piece_end
    from usage_by_segment
    inner join pieces
        on
            usage_by_segment.subscription_id = pieces.subscription_id
            and usage_by_segment.period_type = pieces.period_type
            and usage_by_segment.segment_start = pieces.segment_start
    left join segment_charges
        on
            usage_by_segment.subscription_id = segment_charges.subscription_id
            and usage_by_segment.period_type = segment_charges.period_type
            and usage_by_segment.segment_start = segment_charges.segment_start
            and usage_by_segment.metric = segment_charges.metric
    where segment_charges.metric is null or usage_by_segment.aggregation is null

),

unpriced_slices as (

    select
        slices.slice_on,
        slices.subscription_id,
        slices.metric,
        unpriced_pieces.piece_start,
        unpriced_pieces.piece_end
    from unpriced_pieces
    inner join slices
        on
            unpriced_pieces.subscription_id = slices.subscription_id
            and unpriced_pieces.metric = slices.metric
            and unpriced_pieces.piece_start <= slices.last_event_at
            and unpriced_pieces.piece_end > slices.first_event_at

),

-- Of the ledger only the days that hold one (`offset 0`): nearly always none.
unpriced_records as (

    select
        of_day.usage_source,
        of_day.written_number
    from (select distinct slice_on from unpriced_slices) as unpriced_days
    cross join lateral (
        select *
        from ledger
        where unpriced_days.slice_on = ledger.slice_on
        offset 0  -- noqa: AM09
    ) as of_day
    where exists (
        select 1
        from unpriced_slices
        where
            of_day.slice_on = unpriced_slices.slice_on
            and of_day.subscription_id = unpriced_slices.subscription_id
            and of_day.metric = unpriced_slices.metric
            and of_day.event_at >= unpriced_slices.piece_start
            and of_day.event_at < unpriced_slices.piece_end
    )

),

unreached as (

    select
        usage_source,
        written_number,
        false as is_placed
    from split_records
    where segment_start is null
    union all
    select
        usage_source,
        written_number,
        true as is_placed
    from unpriced_records

),

-- The first thing that is wrong is the reason: nothing after it could be right. Few are lost among
-- many, so each is looked up by its number (`offset 0`).
final as (

    select
        ledger.usage_source || ':' || ledger.written_number as usage_key,
        ledger.usage_source,
        split_part(ledger.subscription_id, ':', 1) as service,
        ledger.subscription_id,
        substring(ledger.subscription_id from position(':' in ledger.subscription_id) + 1)
            as external_subscription_id,
        ledger.metric,
        ledger.quantity,
        ledger.event_at,
        ledger.loaded_at,
        case
            when services.service is null then 'unknown_service'
            when subscriptions.subscription_id is null then 'unknown_subscription'
            when subscriptions.problem is not null then 'subscription_' || subscriptions.problem
            when metrics.metric is null then 'unknown_metric'
            when metrics.aggregation is null then 'unknown_aggregation'
            when ledger.event_at is null then 'no_time'
            when unreached.is_placed then 'no_price'
            when ledger.event_at < subscriptions.held_from then 'before_start'
            when ledger.event_at >= subscriptions.held_until then 'after_end'
            when ledger.event_at > {{ as_of() }} then 'in_the_future'
            else 'not_held'
        end as reason
    from unreached
    cross join lateral (
        select *
        from ledger as held
        where
            unreached.usage_source = held.usage_source
            and unreached.written_number = held.written_number
        offset 0  -- noqa: AM09
    ) as ledger
    left join subscriptions on ledger.subscription_id = subscriptions.subscription_id
    left join services on split_part(ledger.subscription_id, ':', 1) = services.service
    left join metrics
        on
            split_part(ledger.subscription_id, ':', 1) = metrics.service
            and ledger.metric = metrics.metric

)

select * from final
