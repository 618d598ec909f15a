{{ config(materialized='view') }}

with subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

gates as (

    select * from {{ ref('int_cutover_gates') }}

),

deployments as (

    select * from {{ ref('stg_nexacloud__deployments') }}

),

releases as (

    select * from {{ ref('stg_ops__termination_releases') }}

),

ended as (

    select subscriptions.*
    from subscriptions
    inner join gates on subscriptions.subscription_id = gates.subscription_id
    where gates.is_open and subscriptions.held_until <= {{ as_of() }}

),

-- A release is for one ending: who comes back and leaves again is released again.
latest_releases as (

    select distinct on (service, external_subscription_id, ended_at) *
    from releases
    order by service asc, external_subscription_id asc, ended_at asc, release_id desc

),

final as (

    select
        'subscription.terminated' as event_type,
        ended.service,
        ended.subscription_id,
        ended.external_subscription_id,
        deployments.deployment_id,
        ended.external_customer_id,
        ended.subscription_id || '/' || coalesce(deployments.deployment_id, '')
        || '/subscription' as subject,
        'subscription ended ' || {{ iso_utc('ended.held_until') }} as cause,
        ended.held_until as occurred_at,
        'The subscription ended on '
        || to_char(ended.held_until at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'
        || coalesce('; ' || latest_releases.released_by || ' released its termination.', '.')
            as reason,
        ended.held_until as ended_at,
        case
            when latest_releases.release_id is null
                then 'waits for a person''s release, because the app deprovisions on it'
        end as held_reason
    from ended
    left join latest_releases
        on
            ended.service = latest_releases.service
            and ended.external_subscription_id = latest_releases.external_subscription_id
            and ended.held_until = latest_releases.ended_at
    left join deployments
        on
            ended.service = 'nexacloud'
            and ended.external_subscription_id = deployments.external_subscription_id
    -- What was gone before the end needs no deprovisioning.
    where coalesce(deployments.terminated_at, 'infinity') >= ended.held_until

)

select * from final
