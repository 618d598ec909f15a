with services as (

    select * from {{ ref('services') }}

),

-- Var policy_overrides answers a "what if" for one run; the seed stays the policy.
final as (

    select
        service,
        {{ policy('timezone', 'text') }},
        {{ policy('period_rule', 'text') }},
        {{ policy('proration', 'text') }},
        {{ policy('duplicate_policy', 'text') }},
        {{ policy('bill_suspended', 'boolean') }},
        {{ policy('usage_grace', 'interval') }},
        {{ policy('tolerance', 'numeric') }},
        {{ policy('dunning_grace_days', 'integer') }},
        {{ policy('webhook_enabled', 'boolean') }},
        {{ policy('webhook_url_name', 'text') }},
        {{ policy('webhook_secret_name', 'text') }}
    from services

)

select * from final
