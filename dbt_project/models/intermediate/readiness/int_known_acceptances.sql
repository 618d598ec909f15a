-- What had been accepted when the history was settled. Acceptances are never changed or removed: what is
-- not in here came since.
with acceptances as (

    select * from {{ ref('stg_ops__cause_acceptances') }}

),

final as (

    select
        acceptance_id,
        service,
        external_subscription_id,
        period_start,
        cause,
        amount,
        currency
    from acceptances

)

select * from final
