{{ config(post_hook='analyze {{ this }}') }}

-- What each source says today about each charge of each plan. Odoo's base price stands on the
-- orders of single subscriptions: the lowest and the highest of a plan tell whether they agree.
with versions as (

    select *
    from {{ ref('int_price_versions') }}
    where
        charge_kind in ('base', 'usage')
        and valid_from <= {{ as_of() }}
        and coalesce(valid_until, 'infinity') > {{ as_of() }}

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

-- The price on an order of a subscription that has ended bills nothing and proves nothing.
live_versions as (

    select versions.*
    from versions
    left join subscriptions on versions.subscription_id = subscriptions.subscription_id
    where
        versions.subscription_id is null
        or (
            subscriptions.plan_code = versions.plan_code
            and coalesce(subscriptions.held_until, 'infinity') > {{ as_of() }}
        )

),

final as (

    select
        service,
        plan_code,
        charge,
        max(charge_kind) as charge_kind,
        max(metric) as metric,
        price_source,
        max(charge_model) as charge_model,
        max(currency) as currency,
        min(coalesce(base_fee, unit_price)) as lowest_price,
        max(coalesce(base_fee, unit_price)) as highest_price,
        max(included_quantity) as included_quantity,
        count(distinct subscription_id) as order_count
    from live_versions
    group by service, plan_code, charge, price_source

)

select * from final
