with services as (

    select * from {{ ref('services') }}

),

-- Var policy_overrides answers a "what if" for one run; the seed stays the policy.
policies as (

    select
        service,
        valid_from,
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

),

judged as (

    select
        *,
        coalesce(valid_from > {{ local_date(as_of(), 'timezone') }}, false) as is_future
    from policies

),

-- The newest row in force; of a service that begins later, its first.
latest as (

    select distinct on (service) *
    from judged
    order by
        service asc, is_future asc,
        case when is_future then valid_from end asc, valid_from desc nulls last

),

final as (

    select
        service,
        timezone,
        period_rule,
        proration,
        duplicate_policy,
        bill_suspended,
        usage_grace,
        tolerance,
        dunning_grace_days,
        webhook_enabled,
        webhook_url_name,
        webhook_secret_name
    from latest

)

select * from final
