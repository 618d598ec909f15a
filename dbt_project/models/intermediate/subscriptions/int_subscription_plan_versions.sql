with versions as (

    select * from {{ ref('int_subscription_versions') }}

),

-- A version that only changed a status does not begin another plan.
marked as (

    select
        *,
        coalesce(
            lag(plan_code) over (partition by subscription_id order by valid_from) <> plan_code,
            true
        ) as is_plan_change
    from versions

),

numbered as (

    select
        *,
        count(*) filter (where is_plan_change) over (
            partition by subscription_id
            order by valid_from
        ) as plan_number
    from marked

),

final as (

    select
        subscription_id,
        plan_number,
        plan_code,
        max(billing_interval) as billing_interval,
        max(currency) as currency,
        bool_or(is_first_version) as is_first_plan,
        min(valid_from) as valid_from,
        case when bool_or(valid_until is null) then null else max(valid_until) end as valid_until
    from numbered
    group by subscription_id, plan_number, plan_code

)

select * from final
