-- Exists for the failure in which the report of leakage forgets a month or counts one twice.
with reconciliation as (

    select
        service,
        currency,
        sum(delta_amount) as delta_amount
    from {{ ref('fct_reconciliation') }}
    where status <> 'not_comparable'
    group by service, currency

),

stakes as (

    select
        service,
        currency,
        sum(leakage_amount - overbilling_amount + waiting_amount) as delta_amount
    from {{ ref('rpt_money_at_stake') }}
    group by service, currency

)

select
    reconciliation.service,
    reconciliation.currency,
    reconciliation.delta_amount,
    stakes.delta_amount as staked_amount
from reconciliation
left join stakes
    on
        reconciliation.service = stakes.service
        and reconciliation.currency = stakes.currency
where reconciliation.delta_amount <> coalesce(stakes.delta_amount, 0)
