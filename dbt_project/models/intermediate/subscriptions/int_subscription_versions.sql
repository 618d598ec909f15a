{{ config(post_hook="{{ analyze_keys('subscription_id, plan_id, valid_from, valid_until') }}") }}

with app_versions as (

    select * from {{ ref('stg_snapshots__nexacloud_subscriptions') }}

),

odoo_versions as (

    select * from {{ ref('int_odoo_subscriptions') }}

),

-- Odoo keeps no hour of ending; a subscription that is still a draft has not begun.
versions as (

    select
        'nexacloud' as service,
        external_subscription_id,
        'nexacloud:' || external_subscription_id as subscription_id,
        plan_id,
        user_id as external_customer_id,
        null::bigint as order_partner_id,
        null::text as currency,
        subscription_status,
        subscription_status = 'cancelled' as is_closed,
        started_at,
        cancelled_at,
        trial_ends_at,
        is_deleted,
        version_number,
        valid_from
    from app_versions
    union all
    select
        service,
        external_subscription_id,
        subscription_id,
        plan_id,
        external_customer_id,
        partner_id as order_partner_id,
        currency,
        subscription_status,
        subscription_status in ('cancelled', 'draft') as is_closed,
        started_at,
        case when version_number = 1 and subscription_status = 'draft' then started_at end
            as cancelled_at,
        null::timestamptz as trial_ends_at,
        is_deleted,
        version_number,
        valid_from
    from odoo_versions

),

series as (

    select
        *,
        count(*) filter (where not is_closed) over earlier as closed_series,
        count(*) filter (where not is_deleted) over earlier as deleted_series,
        row_number() over earlier = 1 as is_first_version,
        coalesce(started_at, '-infinity') <> lag(coalesce(started_at, '-infinity')) over earlier
            as is_new_start
    from versions
    window earlier as (partition by subscription_id order by version_number)

),

-- What says no date ended when that was first seen.
ended as (

    select
        *,
        least(
            coalesce(
                cancelled_at,
                case when is_closed then min(valid_from) filter (where is_closed) over closed end
            ),
            case when is_deleted then min(valid_from) filter (where is_deleted) over deleted end
        ) as ended_at,
        count(*) filter (where is_first_version or is_new_start) over (
            partition by subscription_id
            order by version_number
        ) as start_number
    from series
    window
        closed as (partition by subscription_id, closed_series),
        deleted as (partition by subscription_id, deleted_series)

),

starts as (

    select
        subscription_id,
        start_number,
        min(started_at) as started_at,
        (array_agg(ended_at order by version_number desc))[1] as ended_at,
        (array_agg(ended_at order by version_number desc) filter (where ended_at is not null))[1]
            as last_ended_at,
        (array_agg(trial_ends_at order by version_number desc))[1] as trial_ends_at
    from ended
    group by subscription_id, start_number

),

-- Another start is a correction of the one before, unless that had ended by then: then it is held
-- once more. The newest statement about each stint counts.
stint_starts as (

    select
        *,
        count(*) filter (where is_new_stint) over (
            partition by subscription_id
            order by start_number
        ) as stint_number
    from (
        select
            *,
            coalesce(lag(last_ended_at) over earlier <= started_at, false) as is_new_stint
        from starts
        window earlier as (partition by subscription_id order by start_number)
    ) as compared

),

-- A start that no calendar of ours has is a problem of the subscription, not two thousand years.
stints as (

    select distinct on (subscription_id, stint_number)
        subscription_id,
        stint_number,
        case when {{ is_possible_start('started_at') }} then started_at end as held_from,
        case
            when
                stint_number = max(stint_number) over (partition by subscription_id)
                then ended_at
            else last_ended_at
        end as held_until,
        trial_ends_at
    from stint_starts
    order by subscription_id asc, stint_number asc, (started_at is null)::int asc, start_number desc

),

stinted as (

    select
        ended.service,
        ended.external_subscription_id,
        ended.subscription_id,
        ended.plan_id,
        ended.external_customer_id,
        ended.order_partner_id,
        ended.currency,
        ended.subscription_status,
        ended.started_at,
        ended.is_deleted,
        ended.version_number,
        ended.valid_from as known_from,
        stints.held_from,
        stints.held_until,
        stints.trial_ends_at,
        case
            when ended.is_first_version then '-infinity'
            when
                lag(stints.stint_number) over earlier <> stints.stint_number
                then coalesce(stints.held_from, ended.valid_from)
            else ended.valid_from
        end as valid_from,
        lead(ended.version_number) over earlier is null as is_newest
    from ended
    inner join stint_starts
        on
            ended.subscription_id = stint_starts.subscription_id
            and ended.start_number = stint_starts.start_number
    inner join stints
        on
            stint_starts.subscription_id = stints.subscription_id
            and stint_starts.stint_number = stints.stint_number
    window earlier as (partition by ended.subscription_id order by ended.version_number)

),

-- A version counts until the next one does; the first reaches back to the beginning.
final as (

    select
        *,
        coalesce(
            min(valid_from) over (
                partition by subscription_id
                order by version_number
                rows between 1 following and unbounded following
            ), 'infinity'
        ) as valid_until
    from stinted

)

select * from final
