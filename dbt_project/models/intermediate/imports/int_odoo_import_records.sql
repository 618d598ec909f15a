{{ config(post_hook='analyze {{ this }}') }}

-- What Odoo should hold of NexaCloud as a shadow: no plan_id anywhere, so that nothing bills by
-- itself. The importer compares each record with what Odoo holds at that moment.
with accounts as (

    select *
    from {{ ref('int_billing_accounts') }}
    where service = 'nexacloud'

),

customer_partners as (

    select *
    from {{ ref('int_customer_partners') }}
    where valid_until is null

),

subscriptions as (

    select *
    from {{ ref('int_subscriptions') }}
    where service = 'nexacloud' and not is_deleted

),

plans as (

    select *
    from {{ ref('stg_snapshots__nexacloud_plans') }}
    where is_current

),

deployments as (

    select * from {{ ref('stg_nexacloud__deployments') }}

),

invoices as (

    select * from {{ ref('stg_nexacloud__invoices') }}

),

products_of_charges as (

    select *
    from {{ ref('int_product_candidates') }}
    where candidate_rank = 1 and charge in ('base', 'cpu_seconds')

),

metrics as (

    select distinct on (service, metric) *
    from {{ ref('metrics') }}
    where service = 'nexacloud' and metric = 'cpu_seconds'
    order by service asc, metric asc, valid_from desc nulls last

),

-- Held now, or to be held: a subscription that has ended needs no order.
judged_subscriptions as (

    select
        subscriptions.*,
        coalesce(held_until, 'infinity') > {{ as_of() }} as is_live,
        case
            when coalesce(held_until, 'infinity') <= {{ as_of() }}
                then 'the subscription ended at ' || to_char(held_until, 'YYYY-MM-DD')
        end as skip_reason
    from subscriptions

),

plans_in_use as (

    select
        plan_id,
        count(*) as live_count
    from judged_subscriptions
    where is_live
    group by plan_id

),

-- Two plans of one code are one entry of the catalogue: the sold one's, else the newest.
judged_plans as (

    select distinct on (plans.plan_code)
        plans.*,
        coalesce(plans_in_use.live_count, 0) as live_count,
        case
            when not plans.is_active and plans_in_use.plan_id is null
                then 'the plan is not sold and nobody holds it'
        end as skip_reason
    from plans
    left join plans_in_use on plans.plan_id = plans_in_use.plan_id
    where plans.plan_code is not null
    order by
        plans.plan_code asc, coalesce(plans_in_use.live_count, 0) desc, plans.is_active desc,
        plans.created_at desc, plans.plan_id asc

),

known_accounts as (

    select external_customer_id
    from subscriptions
    union
    select user_id as external_customer_id
    from invoices

),

judged_accounts as (

    select
        accounts.*,
        customer_partners.named_partner_id,
        case
            when known_accounts.external_customer_id is null
                then 'the account has no subscription and no invoice'
        end as skip_reason,
        case customer_partners.problem
            when 'several_candidates' then
                'several partners match by ' || customer_partners.match_rule || ' ('
                || array_to_string(customer_partners.candidates, ', ')
                || '): name one in customer_overrides.csv'
            when 'suggestion_only' then
                'only name and province match partner '
                || array_to_string(customer_partners.candidates, ', ')
                || ': confirm it in customer_overrides.csv, or change its name'
            when 'partner_missing' then
                'partner ' || array_to_string(customer_partners.candidates, ', ')
                || ', named by ' || customer_partners.match_rule || ', is not in Odoo'
        end as problem
    from accounts
    left join customer_partners
        on
            accounts.service = customer_partners.service
            and accounts.external_customer_id = customer_partners.external_customer_id
    left join known_accounts
        on accounts.external_customer_id = known_accounts.external_customer_id

),

service_records as (

    select distinct
        'service' as kind,
        'service:' || service as import_key,
        service as title,
        jsonb_build_object('code', service, 'name', service) as wanted,
        null::bigint as known_odoo_id,
        null::text as currency,
        false as is_extra_deployment,
        null::text as skip_reason,
        null::text as problem
    from metrics

),

metric_records as (

    select
        'metric' as kind,
        'metric:' || metric as import_key,
        metric as title,
        jsonb_build_object('code', metric, 'name', unit_name, 'aggregation', aggregation)
            as wanted,
        null::bigint as known_odoo_id,
        null::text as currency,
        false as is_extra_deployment,
        null::text as skip_reason,
        null::text as problem
    from metrics

),

-- The reference lets identity find the partner again, whatever becomes of its e-mail.
partner_records as (

    select
        'partner' as kind,
        'partner:' || service || ':' || external_customer_id as import_key,
        customer_name as title,
        jsonb_build_object(
            'name', customer_name,
            'is_company', coalesce(trim(company_name), '') <> '',
            'email', email,
            'ref', external_customer_id,
            'country_id', upper(country),
            'state_id', province,
            'active', true
        ) as wanted,
        named_partner_id as known_odoo_id,
        null::text as currency,
        false as is_extra_deployment,
        skip_reason,
        problem
    from judged_accounts

),

link_records as (

    select
        'account_link' as kind,
        'account_link:' || service || ':' || external_customer_id as import_key,
        customer_name as title,
        jsonb_build_object(
            'service_id', 'service:' || service,
            'external_account_id', external_customer_id,
            'partner_id', 'partner:' || service || ':' || external_customer_id
        ) as wanted,
        null::bigint as known_odoo_id,
        null::text as currency,
        false as is_extra_deployment,
        skip_reason,
        null::text as problem
    from judged_accounts

),

plan_products as (

    select
        judged_plans.*,
        products_of_charges.product_code
    from judged_plans
    inner join products_of_charges
        on
            judged_plans.plan_code = products_of_charges.plan_code
            and products_of_charges.charge = 'base'
    where products_of_charges.service = 'nexacloud'

),

-- Where several plans share a product (one for the usage of all), one that is in use speaks for it.
product_entries as (

    select
        product_code,
        plan_name as product_name,
        plan_price as list_price,
        currency,
        skip_reason
    from plan_products
    union all
    select
        products_of_charges.product_code,
        'NexaCloud ' || metrics.unit_name || ' beyond the quota' as product_name,
        0 as list_price,
        null::text as currency,
        judged_plans.skip_reason
    from judged_plans
    inner join products_of_charges
        on
            judged_plans.plan_code = products_of_charges.plan_code
            and products_of_charges.charge = 'cpu_seconds'
    inner join metrics on products_of_charges.service = metrics.service

),

product_records as (

    select distinct on (product_code)
        'product' as kind,
        'product:nexacloud:' || product_code as import_key,
        product_code as title,
        jsonb_build_object(
            'name', product_name,
            'default_code', product_code,
            'list_price', trim_scale(list_price)::text,
            'active', true
        ) as wanted,
        null::bigint as known_odoo_id,
        currency,
        false as is_extra_deployment,
        skip_reason,
        null::text as problem
    from product_entries
    order by product_code asc, skip_reason asc nulls first, list_price desc, product_name asc

),

charge_records as (

    select
        'charge' as kind,
        'charge:nexacloud:' || judged_plans.plan_code || ':' || metrics.metric as import_key,
        judged_plans.plan_code || ' ' || metrics.metric as title,
        jsonb_build_object(
            'service_id', 'service:nexacloud',
            'plan_code', judged_plans.plan_code,
            'metric_id', 'metric:' || metrics.metric,
            'included_quantity',
            trim_scale(coalesce(judged_plans.included_cpu_seconds, 0))::text,
            'price_per_unit',
            trim_scale(coalesce(judged_plans.overage_price_per_cpu_second, 0))::text,
            'currency_id', judged_plans.currency,
            'active', true
        ) as wanted,
        null::bigint as known_odoo_id,
        null::text as currency,
        false as is_extra_deployment,
        judged_plans.skip_reason,
        null::text as problem
    from judged_plans
    cross join metrics

),

-- The fee belongs to the subscription: its first deployment's order carries it, and its id.
ordered_deployments as (

    select
        external_subscription_id,
        deployment_id,
        deployment_name,
        row_number() over (
            partition by external_subscription_id
            order by created_at, deployment_id
        ) as deployment_number
    from deployments

),

orders as (

    select
        judged_subscriptions.*,
        plan_products.product_code,
        plan_products.plan_price,
        plan_products.currency as plan_currency,
        ordered_deployments.deployment_id,
        ordered_deployments.deployment_name,
        coalesce(ordered_deployments.deployment_number, 1) as deployment_number
    from judged_subscriptions
    left join plans on judged_subscriptions.plan_id = plans.plan_id
    left join plan_products on plans.plan_code = plan_products.plan_code
    left join ordered_deployments
        on
            judged_subscriptions.external_subscription_id
            = ordered_deployments.external_subscription_id

),

-- What the load saw, the importer must see as well: else it would make a second one.
loaded_orders as (

    select
        external_subscription_id,
        max(sale_order_id) as sale_order_id
    from {{ ref('stg_snapshots__odoo_sale_order') }}
    where is_current and order_state <> 'cancel' and external_subscription_id is not null
    group by external_subscription_id

),

order_records as (

    select
        'order' as kind,
        'order:nexacloud:' || orders.external_subscription_id
        || case when deployment_number > 1 then ':' || deployment_id else '' end as import_key,
        orders.external_subscription_id || coalesce(' ' || plan_code, '') as title,
        jsonb_build_object(
            'partner_id', 'partner:nexacloud:' || external_customer_id,
            'client_order_ref',
            orders.external_subscription_id
            || case when deployment_number > 1 then '/' || deployment_id else '' end,
            'x_fc_nexacloud_subscription_id',
            case when deployment_number = 1 then orders.external_subscription_id end,
            'date_order', to_char(held_from at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
            'order_line/product_id', 'product:nexacloud:' || product_code,
            'order_line/name',
            case
                when deployment_number > 1
                    then plan_name || ', deployment ' || deployment_name || ': in the fee above'
                else plan_name
            end,
            'order_line/price_unit',
            trim_scale(case when deployment_number > 1 then 0 else plan_price end)::text,
            'active', true
        ) as wanted,
        case when deployment_number = 1 then loaded_orders.sale_order_id end as known_odoo_id,
        plan_currency as currency,
        deployment_number > 1 as is_extra_deployment,
        skip_reason,
        case
            when product_code is null then 'the subscription''s plan is not among the app''s plans'
            when held_from is null then 'the subscription has no start'
        end as problem
    from orders
    left join loaded_orders
        on orders.external_subscription_id = loaded_orders.external_subscription_id

),

final as (

    select * from service_records
    union all
    select * from metric_records
    union all
    select * from partner_records
    union all
    select * from link_records
    union all
    select * from product_records
    union all
    select * from charge_records
    union all
    select * from order_records

)

select * from final
