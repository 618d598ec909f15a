-- A plan as it is now, or was when it left its source, with the price that a new segment would get:
-- price book, else Odoo, else the app's own.
with plans as (

    select * from {{ ref('int_plan_versions') }}

),

prices as (

    select *
    from {{ ref('int_price_versions') }}
    where
        subscription_id is null
        and valid_from <= {{ as_of() }}
        and coalesce(valid_until > {{ as_of() }}, true)

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

newest as (

    select
        *,
        count(*) over (partition by plan_id) as version_count
    from plans

),

-- Odoo's plans are of no service by themselves: they are of the service whose subscriptions hold them.
held as (

    select
        plan_id,
        min(service) as service,
        count(*) filter (where status <> 'cancelled' and not is_deleted) as subscription_count
    from subscriptions
    group by plan_id

),

named as (

    select
        newest.*,
        coalesce(
            held.service,
            case when not starts_with(newest.plan_id, 'odoo') then 'nexacloud' end
        ) as service,
        coalesce(held.subscription_count, 0) as subscription_count
    from newest
    left join held on newest.plan_id = held.plan_id
    where newest.valid_until = 'infinity'

),

offered as (

    select
        named.plan_id as of_plan_id,
        prices.*
    from named
    inner join prices on named.plan_id = prices.plan_id
    union all
    select
        named.plan_id as of_plan_id,
        prices.*
    from named
    inner join prices
        on named.service = prices.service and named.plan_code = prices.plan_code
    where prices.plan_id is null

),

-- The first source that has a fee, or a price on a metric, sets it.
ranked as (

    select
        *,
        min(source_rank) over (partition by of_plan_id, charge_kind, metric) as chosen_rank
    from offered

),

plan_prices as (

    select
        of_plan_id,
        sum(base_fee) filter (where charge_kind = 'base') as base_price_amount,
        min(price_source) filter (where charge_kind = 'base') as price_source,
        array_agg(distinct metric order by metric) filter (where charge_kind = 'usage') as metrics
    from ranked
    where source_rank = chosen_rank
    group by of_plan_id

),

final as (

    select
        named.plan_id,
        named.service,
        named.plan_code,
        named.plan_name,
        named.billing_interval,
        named.month_count::integer as month_count,
        named.day_count::integer as day_count,
        named.currency,
        plan_prices.base_price_amount,
        plan_prices.price_source,
        coalesce(plan_prices.metrics, '{}'::text[]) as metrics,
        named.version_count::integer as version_count,
        named.subscription_count::integer as subscription_count
    from named
    left join plan_prices on named.plan_id = plan_prices.of_plan_id

)

select * from final
