{{ config(post_hook="{{ analyze_keys('subscription_id, plan_id, valid_from, valid_until') }}") }}

-- Every version of every subscription, of the app and of Odoo, and the stint that it belongs to.
with app_versions as (

    select * from {{ ref('stg_snapshots__nexacloud_subscriptions') }}

),

order_versions as (

    select * from {{ ref('stg_snapshots__odoo_sale_order') }}

),

charges as (

    select *
    from {{ ref('stg_snapshots__odoo_fusion_billing_charge') }}
    where valid_until is null

),

usage as (

    select *
    from {{ ref('stg_odoo__fusion_billing_usage') }}
    where deleted_at is null

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

account_links as (

    select *
    from {{ ref('stg_snapshots__odoo_fusion_billing_account_link') }}
    where is_current

),

currencies as (

    select * from {{ ref('stg_odoo__res_currency') }}

),

-- What the app pushed for the order names its service and its own id of the subscription.
pushed as (

    select distinct on (sale_order_id)
        sale_order_id,
        billing_service_id,
        external_subscription_id
    from usage
    where sale_order_id is not null and external_subscription_id is not null
    order by sale_order_id, billing_usage_id

),

-- A charge that names the recurring plan says which service sells it.
plan_services as (

    select distinct on (subscription_plan_id)
        subscription_plan_id,
        billing_service_id
    from charges
    where subscription_plan_id is not null
    order by subscription_plan_id, billing_charge_id

),

-- A subscription of a service whose subscriptions live in Odoo is an order of its own.
sold_orders as (

    select distinct on (billing_services.service, external_subscription_id)
        orders.sale_order_id,
        billing_services.billing_service_id,
        billing_services.service,
        coalesce(pushed.external_subscription_id, orders.order_name) as external_subscription_id
    from order_versions as orders
    left join pushed on orders.sale_order_id = pushed.sale_order_id
    left join plan_services on orders.subscription_plan_id = plan_services.subscription_plan_id
    inner join billing_services
        on
            coalesce(pushed.billing_service_id, plan_services.billing_service_id)
            = billing_services.billing_service_id
    where
        orders.valid_until is null
        and orders.is_subscription
        and coalesce(orders.external_subscription_id, '') = ''
        and billing_services.service <> 'nexacloud'
    order by billing_services.service, external_subscription_id, orders.sale_order_id

),

odoo_versions as (

    select distinct on (sold_orders.sale_order_id, orders.version_number)
        sold_orders.service,
        sold_orders.external_subscription_id,
        sold_orders.service || ':' || sold_orders.external_subscription_id as subscription_id,
        coalesce(account_links.external_customer_id, orders.partner_id::text)
            as external_customer_id,
        orders.partner_id,
        orders.sale_order_id,
        'odoo:' || orders.subscription_plan_id as plan_id,
        currencies.currency_code as currency,
        -- A state that Odoo adds one day is nobody's guess.
        case
            when orders.subscription_state in ('3_progress', '2_renewal', '7_upsell')
                then 'active'
            when orders.subscription_state = '4_paused' then 'suspended'
            when orders.subscription_state in ('5_renewed', '6_churn') then 'cancelled'
            when coalesce(nullif(orders.subscription_state, ''), '1_draft') = '1_draft'
                then 'draft'
            else orders.subscription_state
        end as subscription_status,
        orders.ordered_at as started_at,
        orders.version_number,
        orders.is_deleted,
        orders.valid_from,
        orders.valid_until
    from sold_orders
    inner join order_versions as orders on sold_orders.sale_order_id = orders.sale_order_id
    left join account_links
        on
            sold_orders.billing_service_id = account_links.billing_service_id
            and orders.partner_id = account_links.partner_id
    left join currencies on orders.currency_id = currencies.currency_id
    order by
        sold_orders.sale_order_id, orders.version_number, account_links.external_customer_id

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
        null::bigint as sale_order_id,
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
        sale_order_id,
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
        ended.sale_order_id,
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
