{{ config(post_hook='analyze {{ this }}') }}

with customers as (

    select * from {{ ref('dim_customers') }}

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

billing_customers as (

    select
        service,
        external_customer_id,
        min(held_from) as since_at
    from subscriptions
    where status <> 'cancelled'
    group by service, external_customer_id

),

live_customers as (

    select
        customers.*,
        billing_customers.since_at
    from customers
    inner join billing_customers
        on
            customers.service = billing_customers.service
            and customers.external_customer_id = billing_customers.external_customer_id

),

unmatched as (

    select
        case identity_problem
            when 'no_candidate' then 'customer_unmatched'
            when 'several_candidates' then 'customer_ambiguous'
            when 'suggestion_only' then 'customer_suggested'
            else 'customer_partner_gone'
        end as kind,
        service,
        external_customer_id as subject,
        null::text as subscription_id,
        external_customer_id,
        identity_problem || ' ' || array_to_string(candidates, ',') as facts,
        customer_name || ' (' || coalesce(email, 'no e-mail') || ') '
        || case identity_problem
            when 'no_candidate' then 'matches no Odoo partner'
            when 'several_candidates'
                then
                    'matches several Odoo partners by ' || replace(match_rule, '_', ' ') || ': '
                    || array_to_string(candidates, ', ')
            when 'suggestion_only'
                then
                    'may be Odoo partner '
                    || array_to_string(candidates, ', ')
                    || ': same name and province'
            else 'is linked to an Odoo partner that is gone: ' || array_to_string(candidates, ', ')
        end as description,
        since_at
    from live_customers
    where identity_problem is not null

),

untaxed as (

    select
        'tax_unresolved' as kind,
        service,
        external_customer_id as subject,
        null::text as subscription_id,
        external_customer_id,
        tax_problem || ' ' || partner_id as facts,
        'Odoo partner ' || partner_id || ' (' || customer_name || '): '
        || replace(tax_problem, '_', ' ') as description,
        since_at
    from live_customers
    where tax_problem is not null

),

unioned as (

    select * from unmatched
    union all
    select * from untaxed

),

final as (

    select
        kind,
        service,
        subject,
        subscription_id,
        external_customer_id,
        null::timestamptz as period_start,
        null::text as currency,
        null::numeric as stake_amount,
        facts,
        description,
        since_at
    from unioned

)

select * from final
