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

-- What it would change this month if another source's price of a charge were the right one.
lines as (

    select *
    from {{ ref('int_rated_lines') }}
    where
        kind in ('base', 'usage')
        and charge_model in ('flat', 'per_unit')
        and not is_trial
        and service_period_start <= {{ as_of() }}
        and service_period_end > {{ as_of() }}

),

currencies as (

    select * from {{ ref('int_currencies') }}

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

-- What each source says today about each charge of each plan. Odoo's base price stands on the
-- orders of single subscriptions: the lowest and the highest of a plan tell whether they agree.
prices as (

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

),

-- What it would change this month if another source's price of a charge were the right one.
repriced as (

    select
        lines.service,
        lines.plan_code,
        lines.charge,
        lines.subscription_id,
        lines.line_key,
        max({{ decimals_of('currencies') }}) as decimals,
        max(abs(
            lines.exact_amount - case
                when lines.kind = 'base'
                    then
                        prices.highest_price * lines.fraction_numerator / lines.fraction_denominator
                else prices.highest_price * greatest(
                    lines.quantity - prices.included_quantity * lines.fraction_numerator
                    / lines.fraction_denominator, 0
                )
            end
        )) as stake_amount
    from lines
    inner join prices
        on
            prices.charge_model in ('flat', 'per_unit')
            and lines.service = prices.service
            and lines.plan_code = prices.plan_code
            and lines.charge = prices.charge
    left join currencies on lines.currency = currencies.currency_code
    group by
        lines.service, lines.plan_code, lines.charge, lines.subscription_id, lines.line_key

),

stakes as (

    select
        service,
        plan_code,
        charge,
        count(distinct subscription_id) as subscription_count,
        {{ round_money('sum(stake_amount)', 'max(decimals)') }} as stake_amount
    from repriced
    group by service, plan_code, charge

),

side_by_side as (

    select
        service,
        plan_code,
        charge,
        max(charge_kind) as charge_kind,
        max(currency) as currency,
        max(highest_price) filter (where price_source = 'price_book') as price_book_price,
        max(highest_price) filter (where price_source = 'odoo') as odoo_price,
        max(highest_price) filter (where price_source = 'app_plan') as app_price,
        max(included_quantity) filter (where price_source = 'price_book')
            as price_book_included_quantity,
        max(included_quantity) filter (where price_source = 'odoo') as odoo_included_quantity,
        max(included_quantity) filter (where price_source = 'app_plan') as app_included_quantity,
        min(lowest_price) filter (where price_source = 'odoo') as odoo_lowest_price,
        coalesce(max(order_count) filter (where price_source = 'odoo'), 0) as odoo_order_count,
        count(*) as source_count,
        min(lowest_price) <> max(highest_price) as has_other_price,
        min(included_quantity) <> max(included_quantity) as has_other_quota,
        -- Flat and per unit are the same model under two names; tiers are another.
        count(distinct charge_model) > 1 as has_other_model,
        count(distinct currency) > 1 as has_other_currency
    from prices
    group by service, plan_code, charge

),

final as (

    select
        side_by_side.service,
        side_by_side.plan_code,
        side_by_side.charge,
        side_by_side.charge_kind,
        side_by_side.currency,
        side_by_side.price_book_price,
        side_by_side.odoo_price,
        side_by_side.app_price,
        side_by_side.price_book_included_quantity,
        side_by_side.odoo_included_quantity,
        side_by_side.app_included_quantity,
        side_by_side.odoo_lowest_price,
        side_by_side.odoo_order_count::integer,
        array_remove(
            array[
                case when side_by_side.has_other_price then 'price' end,
                case when side_by_side.has_other_quota then 'included_quantity' end,
                case when side_by_side.has_other_model then 'charge_model' end,
                case when side_by_side.has_other_currency then 'currency' end
            ], null
        ) as differences,
        side_by_side.has_other_price or side_by_side.has_other_quota
        or side_by_side.has_other_model or side_by_side.has_other_currency as is_drift,
        coalesce(stakes.subscription_count, 0)::integer as subscription_count,
        case
            when
                side_by_side.has_other_price or side_by_side.has_other_quota
                then coalesce(stakes.stake_amount, 0)
            else 0
        end as stake_amount
    from side_by_side
    left join stakes
        on
            side_by_side.service = stakes.service
            and side_by_side.plan_code = stakes.plan_code
            and side_by_side.charge = stakes.charge

)

select * from final
