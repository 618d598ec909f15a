-- Boundaries that moved: service time of a charge that is rated under one period start and was billed
-- under another. Only a billed period that is not what is rated today can reach into another: where
-- nothing differs, its time is the rated one, and rated periods never overlap.
with balances as (

    select * from {{ ref('int_charge_balances') }}

),

groups as (

    select
        subscription_id,
        charge,
        service_period_start,
        max(service_period_end) as service_period_end,
        min(rated_from) as rated_from,
        max(rated_until) as rated_until,
        max(billed_until) as billed_until,
        bool_or(is_rated) as is_rated,
        bool_or(is_billed) as is_billed,
        bool_or(is_billed and difference_amount <> 0) as is_different
    from balances
    group by subscription_id, charge, service_period_start

),

billed as (

    select *
    from groups
    where is_billed and (not is_rated or is_different or billed_until > rated_until)

),

unbilled as (

    select *
    from groups
    where not is_billed

),

-- Held until the billed period is corrected: its adjustment is billed, or, where no period starts
-- there any more, people have credited all of it.
final as (

    select
        unbilled.subscription_id,
        unbilled.charge,
        unbilled.service_period_start as rated_period_start,
        unbilled.service_period_end as rated_period_end,
        billed.service_period_start as billed_period_start,
        billed.billed_until as billed_period_end,
        not billed.is_rated as is_orphan,
        billed.is_different as is_held
    from unbilled
    inner join billed
        on
            unbilled.subscription_id = billed.subscription_id
            and unbilled.charge = billed.charge
            and unbilled.rated_from < greatest(billed.billed_until, billed.rated_until)
            and unbilled.rated_until > least(billed.service_period_start, billed.rated_from)

)

select * from final
