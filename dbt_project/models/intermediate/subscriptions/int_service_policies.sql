with services as (

    select * from {{ ref('services') }}

),

-- Var policy_overrides answers a "what if" for one run, of every row; the seed stays the policy.
policies as (

    select
        service,
        {{ policy('timezone', 'text') }},
        {{ policy('period_rule', 'text') }},
        {{ policy('proration', 'text') }},
        {{ policy('duplicate_policy', 'text') }},
        {{ policy('bill_suspended', 'boolean') }},
        case
            when row_number() over (partition by service order by valid_from nulls first) > 1
                then valid_from
        end as valid_from
    from services

),

-- Before a service's first row there is no other policy: it reaches back.
dated as (

    select
        *,
        coalesce({{ day_start('valid_from', 'timezone') }}, '-infinity') as valid_from_at
    from policies

),

final as (

    select
        *,
        lead(valid_from) over following as valid_until,
        coalesce(lead(valid_from_at) over following, 'infinity') as valid_until_at
    from dated
    window following as (partition by service order by valid_from nulls first)

)

select * from final
