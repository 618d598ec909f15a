with reconciliation as (

    select *
    from {{ ref('fct_reconciliation') }}
    where status <> 'not_comparable'

),

causes as (

    select * from {{ ref('fct_reconciliation_causes') }}

),

services as (

    select * from {{ ref('int_services') }}

),

-- Each cent of a delta lies in one named cause, or in the rest that carries its status as a name.
parts as (

    select
        reconciliation.service,
        reconciliation.subscription_id,
        reconciliation.period_start,
        reconciliation.currency,
        causes.cause,
        causes.amount
    from causes
    inner join reconciliation
        on
            causes.subscription_id = reconciliation.subscription_id
            and causes.period_start = reconciliation.period_start
            and causes.period_end = reconciliation.period_end
    union all
    select
        service,
        subscription_id,
        period_start,
        currency,
        case status
            when 'missing_actual' then 'not_invoiced'
            when 'missing_expected' then 'invoiced_without_reason'
            else 'unexplained'
        end as cause,
        unexplained_amount as amount
    from reconciliation
    where unexplained_amount <> 0

),

dated as (

    select
        parts.*,
        date_trunc('month', {{ local_date('parts.period_start', 'services.timezone') }})::date
            as period_month
    from parts
    inner join services on parts.service = services.service

),

final as (

    select
        service,
        period_month,
        currency,
        cause,
        count(distinct subscription_id)::integer as subscription_count,
        coalesce(sum(amount) filter (where amount > 0 and cause <> 'not_published'), 0)
            as leakage_amount,
        coalesce(-sum(amount) filter (where amount < 0 and cause <> 'not_published'), 0)
            as overbilling_amount,
        coalesce(sum(amount) filter (where cause = 'not_published'), 0) as waiting_amount,
        sum(amount) as delta_amount
    from dated
    group by service, period_month, currency, cause

)

select * from final
