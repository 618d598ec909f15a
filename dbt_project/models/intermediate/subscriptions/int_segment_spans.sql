{{ config(post_hook="{{ analyze_keys('subscription_id, segment_start, segment_end') }}") }}

with spans as (

    select * from {{ ref('int_subscription_spans') }}

),

terms as (

    select distinct
        subscription_id,
        timezone,
        proration
    from {{ ref('int_subscription_terms') }}

),

touched as (

    select
        spans.*,
        terms.timezone,
        terms.proration,
        {{ local_date('spans.span_start', 'terms.timezone') }} as first_day,
        {{ local_date("spans.span_end - interval '1 microsecond'", 'terms.timezone') }}
            as touched_last_day
    from spans
    inner join terms on spans.subscription_id = terms.subscription_id

),

-- A local day belongs to one span: the last that touches it. So a switch day is the new plan's.
shared_days as (

    select
        *,
        lead(first_day) over (partition by subscription_id order by span_start) as next_first_day,
        max(touched_last_day) over (
            partition by subscription_id
            order by first_day
            range between unbounded preceding and interval '1 day' preceding
        ) as earlier_last_day,
        min(span_start) over (partition by subscription_id, first_day) as day_span_start
    from touched

),

by_day as (

    select
        *,
        least(touched_last_day, next_first_day - 1) as last_day,
        {{ day_start('first_day', 'timezone') }} as first_day_start,
        {{ day_start('next_first_day', 'timezone') }} as next_day_start
    from shared_days
    where next_first_day is null or next_first_day > first_day

),

final as (

    select
        subscription_id,
        plan_code,
        is_trial,
        first_day,
        last_day,
        case
            when earlier_last_day >= first_day then first_day_start
            else greatest(first_day_start, day_span_start)
        end as segment_start,
        case
            when touched_last_day >= next_first_day then next_day_start
            else span_end
        end as segment_end
    from by_day
    where proration <> 'second'
    union all
    select
        subscription_id,
        plan_code,
        is_trial,
        first_day,
        touched_last_day as last_day,
        span_start as segment_start,
        span_end as segment_end
    from touched
    where proration = 'second'

)

select * from final
