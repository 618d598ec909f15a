with prices as (

    select * from {{ ref('int_catalogue_prices') }}

),

stakes as (

    select * from {{ ref('int_catalogue_stakes') }}

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
