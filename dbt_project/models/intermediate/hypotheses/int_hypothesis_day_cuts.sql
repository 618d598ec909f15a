{{ config(post_hook='analyze {{ this }}') }}

-- Under policy second the days have to be found: a shared day is the later piece's.
with own_cuts as (

    select *
    from {{ ref('int_hypothesis_own_cuts') }}
    where own_proration = 'second' and held_days > 0

),

days as (

    select
        *,
        lead(segment_start) over following as next_start,
        lead({{ local_date('segment_start', 'timezone') }}) over following as next_first_day,
        {{ local_date("segment_end - interval '1 microsecond'", 'timezone') }} as touched_last_day
    from own_cuts
    window following as (
        partition by rest_number
        order by segment_start
    )

),

final as (

    select
        rest_number, service, subscription_id, period_type, timezone, own_proration,
        'day' as cut,
        plan_id, plan_code, is_trial,
        segment_start,
        case
            when touched_last_day >= next_first_day and segment_end <= next_start
                then {{ day_start('next_first_day', 'timezone') }}
            else segment_end
        end as segment_end,
        case
            when touched_last_day >= next_first_day and segment_end <= next_start
                then
                    held_times
                    * tstzmultirange(
                        tstzrange(null, {{ day_start('next_first_day', 'timezone') }})
                    )
            else held_times
        end as held_times,
        held_seconds,
        held_days,
        null::numeric as fraction_numerator,
        null::numeric as fraction_denominator,
        period_days,
        period_seconds
    from days

)

select * from final
