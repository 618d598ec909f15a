{{ config(post_hook='analyze {{ this }}') }}

with catalogue as (

    select * from {{ ref('rpt_catalogue_drift') }}
    where is_drift

),

usage_drift as (

    select * from {{ ref('rpt_usage_drift') }}
    where is_drift

),

drifting_prices as (

    select
        'catalogue_drift' as kind,
        service,
        plan_code || ' ' || charge as subject,
        null::text as subscription_id,
        null::text as external_customer_id,
        null::timestamptz as period_start,
        currency,
        stake_amount,
        -- A list keeps the place of what is missing: a price that moved to another source is news.
        array[
            price_book_price, odoo_price, odoo_lowest_price, app_price,
            price_book_included_quantity, odoo_included_quantity, app_included_quantity
        ]::text || ' ' || array_to_string(differences, ', ') as facts,
        'Plan ' || plan_code || ', ' || charge || ': '
        || concat_ws(
            ', ', 'price book ' || trim_scale(price_book_price), 'Odoo ' || trim_scale(odoo_price),
            'app ' || trim_scale(app_price)
        ) || ' (' || replace(array_to_string(differences, ', '), '_', ' ') || ' differ)'
            as description,
        null::timestamptz as since_at
    from catalogue

),

drifting_usage as (

    select
        'usage_drift' as kind,
        service,
        subscription_id || ' ' || metric || ' ' || period_start as subject,
        subscription_id,
        null::text as external_customer_id,
        period_start,
        null::text as currency,
        null::numeric as stake_amount,
        app_quantity || ' ' || pushed_quantity as facts,
        trim_scale(app_quantity) || ' ' || metric || ' were measured, '
        || trim_scale(pushed_quantity) || ' were pushed to Odoo: ' || explanation as description,
        period_end as since_at
    from usage_drift

),

final as (

    select * from drifting_prices
    union all
    select * from drifting_usage

)

select * from final
