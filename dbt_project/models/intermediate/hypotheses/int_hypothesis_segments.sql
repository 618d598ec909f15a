{{ config(post_hook='analyze {{ this }}') }}

-- The segments of each open key under each proration policy, and, where the invoice names one plan
-- for all of it, the same time held by that plan alone.
with cuts as (

    select * from {{ ref('int_hypothesis_cuts') }}

),

named as (

    select * from {{ ref('int_reconciliation_named_plans') }}

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
                partition by rest_number, policy.segmentation
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
        rest_number,
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
        denominator
    from prorated

),

as_named as (

    select
        prorated.rest_number,
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
        min(prorated.denominator) as denominator
    from prorated
    inner join named on prorated.rest_number = named.rest_number
    group by
        prorated.rest_number, prorated.service, prorated.subscription_id, prorated.period_type,
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
            order by rest_number, segmentation, plan_variant, segment_start, is_trial
        ) as segment_number,
        *
    from unioned

)

select * from final
