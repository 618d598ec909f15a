{{ config(post_hook='analyze {{ this }}') }}

with accounts as (

    select * from {{ ref('int_billing_accounts') }}

),

customer_partners as (

    select *
    from {{ ref('int_customer_partners') }}
    where valid_until is null

),

partner_taxes as (

    select *
    from {{ ref('int_partner_taxes') }}
    where valid_until is null

),

candidates as (

    select
        *,
        min(rule_rank) over (partition by service, external_customer_id) as strongest_rank
    from {{ ref('int_customer_candidates') }}
    where match_rule in ('reference', 'email') and is_partner_active

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

-- Only who has something running is asked about.
live_customers as (

    select
        accounts.service,
        accounts.external_customer_id,
        accounts.customer_name,
        accounts.email,
        customer_partners.partner_id,
        customer_partners.match_rule,
        customer_partners.candidates,
        customer_partners.problem as identity_problem,
        case
            when customer_partners.partner_id is not null then partner_taxes.problem
        end as tax_problem,
        billing_customers.since_at
    from accounts
    inner join customer_partners
        on
            accounts.service = customer_partners.service
            and accounts.external_customer_id = customer_partners.external_customer_id
    inner join billing_customers
        on
            accounts.service = billing_customers.service
            and accounts.external_customer_id = billing_customers.external_customer_id
    left join partner_taxes on customer_partners.partner_id = partner_taxes.partner_id

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

-- An edited e-mail or reference moves nobody who was billed, but a person should know.
found_otherwise as (

    select
        'customer_found_otherwise' as kind,
        customers.service,
        customers.external_customer_id as subject,
        null::text as subscription_id,
        customers.external_customer_id,
        'billed to ' || customers.partner_id || ', found '
        || string_agg(candidates.partner_id::text, ',' order by candidates.partner_id) as facts,
        customers.customer_name || ' (' || coalesce(customers.email, 'no e-mail')
        || ') was billed to Odoo partner ' || customers.partner_id || ', its '
        || min(candidates.match_rule) || ' now names '
        || string_agg(candidates.partner_id::text, ', ' order by candidates.partner_id)
            as description,
        customers.since_at
    from live_customers as customers
    inner join candidates
        on
            customers.service = candidates.service
            and customers.external_customer_id = candidates.external_customer_id
            and candidates.rule_rank = candidates.strongest_rank
    where customers.match_rule = 'billed_before' and customers.partner_id is not null
    group by
        customers.service, customers.external_customer_id, customers.partner_id,
        customers.customer_name, customers.email, customers.since_at
    having not bool_or(candidates.partner_id = customers.partner_id)

),

unioned as (

    select * from unmatched
    union all
    select * from found_otherwise
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
