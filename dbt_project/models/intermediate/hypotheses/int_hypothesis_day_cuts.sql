{{ config(post_hook='analyze {{ this }}') }}

-- Under policy second the days have to be found: a shared day is the later segment's.
with own_cuts as (

    select * from {{ ref('int_hypothesis_own_cuts') }}

),

-- Under policy second the days have to be found: a shared day is the later segment's.
day_marks as (

    select
        *,
        {{ local_date('segment_start', 'timezone') }} as first_day,
        lead({{ local_date('segment_start', 'timezone') }}) over following as next_first_day,
        {{ local_date("segment_end - interval '1 microsecond'", 'timezone') }} as touched_last_day
    from own_cuts
    where own_proration = 'second'
    window following as (
        partition by rest_number
        order by segment_start
    )

),

final as (

    select
        rest_number, service, subscription_id, period_type, timezone, own_proration,
        'day' as cut,
        plan_code, is_trial,
        segment_start,
        case
            when touched_last_day >= next_first_day
                then {{ day_start('next_first_day', 'timezone') }}
            else segment_end
        end as segment_end,
        least(touched_last_day, next_first_day - 1) - first_day + 1 as held_days,
        null::numeric as fraction_numerator,
        null::numeric as fraction_denominator,
        period_days,
        period_seconds
    from day_marks
    where next_first_day is null or next_first_day > first_day

)

select * from final
