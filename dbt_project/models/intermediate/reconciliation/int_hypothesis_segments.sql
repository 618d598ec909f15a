{{ config(post_hook='analyze {{ this }}') }}

-- The segments of each open difference under each proration policy, and, where the invoice names one
-- plan for all of it, the same time held by that plan alone.
with differences as (

    select * from {{ ref('int_open_differences') }}

),

periods as (

    select * from {{ ref('int_subscription_periods') }}

),

segments as (

    select * from {{ ref('int_subscription_segments') }}

),

pieces as (

    select * from {{ ref('int_segment_pieces') }}

),

spans as (

    select * from {{ ref('int_subscription_spans') }}

),

plans as (

    select * from {{ ref('int_plan_versions') }}

),

keyed as (

    select
        periods.*,
        differences.difference_number,
        differences.service,
        periods.full_end_on - periods.full_start_on as period_days,
        {{ seconds_between('periods.full_period_start', 'periods.full_period_end') }} as period_seconds
    from differences
    inner join periods
        on
            differences.subscription_id = periods.subscription_id
            and differences.period_start = periods.period_start
            and differences.period_end = periods.period_end

),

-- The segments of each open difference as they are rated.
own_cuts as (

    select
        keyed.difference_number,
        keyed.service,
        keyed.subscription_id,
        keyed.period_type,
        keyed.timezone,
        keyed.proration as own_proration,
        case keyed.proration when 'second' then 'second' else 'day' end as cut,
        segments.plan_id,
        segments.plan_code,
        segments.is_trial,
        segments.segment_start,
        segments.segment_end,
        (
            select range_agg(tstzrange(pieces.piece_start, pieces.piece_end))
            from pieces
            where
                segments.subscription_id = pieces.subscription_id
                and segments.period_type = pieces.period_type
                and segments.segment_start = pieces.segment_start
        ) as held_times,
        segments.held_seconds,
        segments.held_days,
        segments.fraction_numerator,
        segments.fraction_denominator,
        keyed.period_days,
        keyed.period_seconds
    from keyed
    inner join segments
        on
            keyed.subscription_id = segments.subscription_id
            and keyed.period_type = segments.period_type
            and keyed.period_start = segments.period_start

),

held_spans as (

    select
        keyed.difference_number,
        keyed.service,
        keyed.subscription_id,
        keyed.period_type,
        keyed.timezone,
        keyed.proration,
        keyed.period_days,
        keyed.period_seconds,
        spans.plan_id,
        spans.is_trial,
        greatest(spans.span_start, keyed.period_start) as held_start,
        least(spans.span_end, keyed.period_end) as held_end
    from keyed
    inner join spans
        on
            keyed.subscription_id = spans.subscription_id
            and keyed.period_start < spans.span_end
            and keyed.period_end > spans.span_start
    where keyed.proration <> 'second' and (keyed.bill_suspended or not spans.is_suspended)

),

together as (

    select
        difference_number,
        service,
        subscription_id,
        period_type,
        timezone,
        proration,
        plan_id,
        is_trial,
        min(held_start) as segment_start,
        max(held_end) as segment_end,
        range_agg(tstzrange(held_start, held_end)) as held_times,
        sum({{ seconds_between('held_start', 'held_end') }}) as held_seconds,
        period_days,
        period_seconds
    from held_spans
    group by
        difference_number, service, subscription_id, period_type, timezone, proration, plan_id,
        is_trial, period_days, period_seconds

),

-- Where the policy is not second: the held time by the second.
exact_cuts as (

    select
        together.difference_number,
        together.service,
        together.subscription_id,
        together.period_type,
        together.timezone,
        together.proration as own_proration,
        'second' as cut,
        together.plan_id,
        plans.plan_code,
        together.is_trial,
        together.segment_start,
        together.segment_end,
        together.held_times,
        together.held_seconds,
        null::integer as held_days,
        null::numeric as fraction_numerator,
        null::numeric as fraction_denominator,
        together.period_days,
        together.period_seconds
    from together
    left join plans
        on
            together.plan_id = plans.plan_id
            and together.segment_start >= plans.valid_from
            and together.segment_start < plans.valid_until

),

days as (

    select
        *,
        lead(segment_start) over following as next_start,
        lead({{ local_date('segment_start', 'timezone') }}) over following as next_first_day,
        {{ local_date("segment_end - interval '1 microsecond'", 'timezone') }} as touched_last_day
    from own_cuts
    where own_proration = 'second' and held_days > 0
    window following as (
        partition by difference_number
        order by segment_start
    )

),

-- Under policy second the days have to be found: a shared day is the later piece's.
day_cuts as (

    select
        difference_number, service, subscription_id, period_type, timezone, own_proration,
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

),

-- The held time cut by the second and cut by local days: what the policies share.
cuts as (

    select * from own_cuts
    union all
    select * from exact_cuts
    union all
    select * from day_cuts

),

held_plans as (

    select
        differences.difference_number,
        differences.named_plan_codes[1] as plan_code,
        array_agg(distinct segments.plan_code) as held_plan_codes
    from differences
    inner join segments
        on
            differences.subscription_id = segments.subscription_id
            and differences.period_start = segments.period_start
            and differences.period_end = segments.period_end
    where cardinality(differences.named_plan_codes) = 1 and not segments.is_trial
    group by differences.difference_number, differences.named_plan_codes

),

-- The one plan that an invoice names for a period in which the subscription held something else.
named as (

    select
        difference_number,
        plan_code
    from held_plans
    where held_plan_codes <> array[plan_code]

),

prorated as (

    select
        cuts.*,
        policy.segmentation,
        case
            when policy.segmentation = 'own' then fraction_numerator
            when policy.segmentation = 'second' then held_seconds
            else held_days
        end as numerator,
        case policy.segmentation
            when 'own' then fraction_denominator
            when 'second' then period_seconds
            when 'day' then period_days
            else sum(held_days) over (
                partition by difference_number, policy.segmentation
            )
        end as denominator
    from cuts
    inner join (
        values ('own', null), ('second', 'second'), ('day', 'day'), ('none', 'day')
    ) as policy (segmentation, needed_cut)
        on
            (policy.segmentation = 'own' and cuts.fraction_denominator is not null)
            or (
                cuts.own_proration <> policy.segmentation
                and cuts.cut = policy.needed_cut
            )

),

held as (

    select
        difference_number,
        service,
        subscription_id,
        period_type,
        segmentation,
        'held' as plan_variant,
        plan_id,
        plan_code,
        is_trial,
        segment_start,
        segment_end,
        held_times,
        numerator,
        denominator,
        cut,
        held_seconds,
        period_seconds
    from prorated

),

as_named as (

    select
        prorated.difference_number,
        prorated.service,
        prorated.subscription_id,
        prorated.period_type,
        prorated.segmentation,
        'named' as plan_variant,
        -- An invoice names a plan by its code.
        null::text as plan_id,
        named.plan_code,
        prorated.is_trial,
        min(prorated.segment_start) as segment_start,
        max(prorated.segment_end) as segment_end,
        range_agg(prorated.held_times) as held_times,
        sum(prorated.numerator) as numerator,
        min(prorated.denominator) as denominator,
        null::text as cut,
        null::numeric as held_seconds,
        null::numeric as period_seconds
    from prorated
    inner join named on prorated.difference_number = named.difference_number
    group by
        prorated.difference_number, prorated.service, prorated.subscription_id, prorated.period_type,
        prorated.segmentation, named.plan_code, prorated.is_trial

),

unioned as (

    select * from held
    union all
    select * from as_named

),

final as (

    select
        row_number() over (
            order by difference_number, segmentation, plan_variant, segment_start, is_trial
        ) as segment_number,
        *
    from unioned

)

select * from final
