with source as (

    select * from {{ source('ops', 'cause_acceptances') }}

),

final as (

    select
        acceptance_id,
        service,
        external_subscription_id,
        period_start,
        cause,
        amount,
        currency,
        accepted_by,
        accepted_at,
        note
    from source

)

select * from final
