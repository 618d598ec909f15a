{{ config(materialized='view') }}

with subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

gates as (

    select * from {{ ref('stg_ops__cutover_gates') }}

),

deployments as (

    select * from {{ ref('stg_nexacloud__deployments') }}

),

releases as (

    select * from {{ ref('stg_ops__termination_releases') }}

),

last_told as (

    select *
    from {{ ref('stg_ops__lifecycle_events') }}
    where is_last_told

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

fanned_out as (

    select
        ended.*,
        deployments.deployment_id,
        ended.subscription_id || '/' || coalesce(deployments.deployment_id, '')
        || '/subscription' as subject
    from ended
    left join deployments
        on
            ended.service = 'nexacloud'
            and ended.external_subscription_id = deployments.external_subscription_id
    -- What was gone before the end needs no deprovisioning.
    where coalesce(deployments.terminated_at, 'infinity') >= ended.held_until

),

final as (

    select
        'subscription.terminated' as event_type,
        fanned_out.service,
        fanned_out.subscription_id,
        fanned_out.external_subscription_id,
        fanned_out.deployment_id,
        fanned_out.external_customer_id,
        fanned_out.subject,
        'subscription ended ' || {{ iso_utc('fanned_out.held_until') }} as cause,
        fanned_out.held_until as occurred_at,
        'The subscription ended on '
        || to_char(fanned_out.held_until at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'
        || coalesce('; ' || latest_releases.released_by || ' released its termination.', '.')
            as reason,
        fanned_out.held_until as ended_at,
        last_told.event_id as previous_event_id,
        case
            when latest_releases.release_id is null
                then 'waits for a person''s release, because the app deprovisions on it'
        end as held_reason
    from fanned_out
    left join latest_releases
        on
            fanned_out.service = latest_releases.service
            and fanned_out.external_subscription_id = latest_releases.external_subscription_id
            and fanned_out.held_until = latest_releases.ended_at
    left join last_told on fanned_out.subject = last_told.subject

)

select * from final
