-- What Odoo says of prices: the flat price of a subscription, which is the sum of its order's lines as
-- each load saw them, and the charges of plans on usage.
with charge_versions as (

    select *
    from {{ ref('stg_snapshots__odoo_fusion_billing_charge') }}
    where not is_deleted or version_number = 1

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

billing_metrics as (

    select *
    from {{ ref('stg_snapshots__odoo_fusion_billing_metric') }}
    where is_current

),

currencies as (

    select * from {{ ref('stg_odoo__res_currency') }}

),

subscription_versions as (

    select * from {{ ref('int_subscription_versions') }}

),

plan_versions as (

    select * from {{ ref('int_plan_versions') }}

),

order_versions as (

    select
        *,
        lead(seen_at) over (partition by sale_order_id order by version_number) as replaced_at
    from {{ ref('stg_snapshots__odoo_sale_order') }}

),

line_versions as (

    select
        *,
        lead(seen_at) over (partition by sale_order_line_id order by version_number) as replaced_at
    from {{ ref('stg_snapshots__odoo_sale_order_line') }}
    where coalesce(display_type, '') in ('', 'false')

),

product_map as (

    select * from {{ ref('int_product_map') }}

),

-- A product that stands for the base of one plan alone names that plan.
plan_products as (

    select
        service,
        product_id,
        min(plan_code) as plan_code
    from product_map
    where charge = 'base' and product_id is not null and valid_until is null
    group by service, product_id
    having count(*) = 1

),

-- A shadow order carries NexaCloud's id; an order that is itself the subscription carries its own.
identified as (

    select distinct
        sale_order_id,
        'nexacloud' as service,
        external_subscription_id
    from order_versions
    where coalesce(external_subscription_id, '') <> ''
    union
    select
        sale_order_id,
        service,
        external_subscription_id
    from subscription_versions
    where sale_order_id is not null

),

-- Every load that saw something new of an order or its lines.
loads as (

    select
        identified.service,
        identified.external_subscription_id,
        seen.seen_at
    from identified
    inner join (
        select
            sale_order_id,
            seen_at
        from order_versions
        union
        select
            sale_order_id,
            seen_at
        from line_versions
    ) as seen on identified.sale_order_id = seen.sale_order_id
    group by identified.service, identified.external_subscription_id, seen.seen_at

),

-- Where an order says which plan it was made for, it says nothing of another: after a switch the
-- new plan has no flat price until an order gives it one.
priced as (

    select
        loads.service,
        loads.external_subscription_id,
        loads.seen_at,
        identified.sale_order_id,
        max(orders.currency_id) as currency_id,
        max(plan_products.plan_code) as plan_code,
        trim_scale(sum(
            order_lines.quantity * order_lines.unit_price
            * (1 - coalesce(order_lines.discount_percent, 0) * 0.01)
        )) as flat_price,
        coalesce(
            max(order_lines.valid_from) filter (where order_lines.seen_at = loads.seen_at),
            max(orders.valid_from) filter (where orders.seen_at = loads.seen_at),
            loads.seen_at
        ) as changed_at
    from loads
    inner join identified
        on
            loads.service = identified.service
            and loads.external_subscription_id = identified.external_subscription_id
    inner join order_versions as orders
        on
            identified.sale_order_id = orders.sale_order_id
            and loads.seen_at >= orders.seen_at
            and loads.seen_at < coalesce(orders.replaced_at, 'infinity')
    inner join line_versions as order_lines
        on
            identified.sale_order_id = order_lines.sale_order_id
            and loads.seen_at >= order_lines.seen_at
            and loads.seen_at < coalesce(order_lines.replaced_at, 'infinity')
    left join plan_products
        on
            loads.service = plan_products.service
            and order_lines.product_id = plan_products.product_id
    where
        not orders.is_deleted
        and not order_lines.is_deleted
        and (loads.service <> 'nexacloud' or orders.order_state <> 'cancel')
    group by
        loads.service, loads.external_subscription_id, loads.seen_at, identified.sale_order_id

),

-- Of several orders the newest.
current_prices as (

    select distinct on (priced.service, priced.external_subscription_id, priced.seen_at)
        priced.*,
        upper(currencies.currency_code) as currency
    from priced
    left join currencies on priced.currency_id = currencies.currency_id
    order by
        priced.service asc, priced.external_subscription_id asc, priced.seen_at asc,
        priced.sale_order_id desc

),

compared as (

    select
        *,
        {{ same_as_before(
            ['sale_order_id', 'plan_code', 'flat_price', 'currency'], 'earlier'
        ) }} as is_same_price,
        max(changed_at) over earlier as valid_from
    from current_prices
    window
        earlier as (partition by service, external_subscription_id order by seen_at)

),

flat_price_spans as (

    select
        sale_order_id,
        service,
        external_subscription_id,
        service || ':' || external_subscription_id as subscription_id,
        plan_code,
        flat_price,
        currency,
        valid_from,
        lead(valid_from) over (
            partition by service, external_subscription_id
            order by seen_at
        ) as valid_until
    from compared
    where not is_same_price

),

flat_prices as (

    select *
    from flat_price_spans
    where valid_until is null or valid_until > valid_from

),

-- An order that names no plan was made for the plan that was held when its price was written; one
-- that names a code, for the plans that ever had it.
planned as (

    select
        flat_prices.*,
        versions.plan_id
    from flat_prices
    inner join subscription_versions as versions
        on
            flat_prices.subscription_id = versions.subscription_id
            and flat_prices.valid_from >= versions.valid_from
            and flat_prices.valid_from < versions.valid_until
    where flat_prices.plan_code is null
    union all
    select distinct
        flat_prices.*,
        plan_versions.plan_id
    from flat_prices
    inner join plan_versions on flat_prices.plan_code = plan_versions.plan_code

),

-- Of each plan the first price reaches back: an order often follows the switch by some days.
own_prices as (

    select
        planned.service,
        planned.plan_id,
        plan_versions.plan_code,
        planned.subscription_id,
        'base' as charge,
        'base' as charge_kind,
        null::text as metric,
        'flat' as charge_model,
        planned.currency,
        planned.flat_price as base_fee,
        null::numeric as unit_price,
        0::numeric as included_quantity,
        {{ reaching_back('planned.subscription_id, planned.plan_id', 'planned.valid_from') }}
            as valid_from,
        planned.valid_until,
        planned.valid_from as known_from
    from planned
    inner join plan_versions
        on planned.plan_id = plan_versions.plan_id and plan_versions.valid_until = 'infinity'

),

dated_charges as (

    select
        *,
        {{ reaching_back('billing_charge_id', 'valid_from') }} as counts_from,
        lead(valid_from) over (
            partition by billing_charge_id
            order by version_number
        ) as replaced_at
    from charge_versions

),

usage_prices as (

    select
        billing_services.service,
        null::text as plan_id,
        charges.plan_code,
        null::text as subscription_id,
        billing_metrics.metric as charge,
        'usage' as charge_kind,
        billing_metrics.metric,
        'per_unit' as charge_model,
        upper(currencies.currency_code) as currency,
        null::numeric as base_fee,
        coalesce(charges.unit_price, 0) as unit_price,
        coalesce(charges.included_quantity, 0) as included_quantity,
        charges.counts_from as valid_from,
        charges.replaced_at as valid_until,
        charges.valid_from as known_from
    from dated_charges as charges
    inner join billing_services
        on charges.billing_service_id = billing_services.billing_service_id
    inner join billing_metrics
        on charges.billing_metric_id = billing_metrics.billing_metric_id
    left join currencies on charges.currency_id = currencies.currency_id
    where coalesce(charges.is_active, true) and charges.plan_code is not null

),

final as (

    select * from own_prices
    union all
    select * from usage_prices

)

select * from final
