with source as (

    select * from {{ source('ops', 'cutover_gates') }}

),

final as (

    select distinct on (service, external_subscription_id)
        service || ':' || external_subscription_id as subscription_id,
        service,
        external_subscription_id,
        decision = 'open' as is_open,
        case when decision = 'open' then from_period_start end as from_period_start,
        decided_by,
        decided_at,
        note
    from source
    order by service asc, external_subscription_id asc, gate_id desc

)

select * from final
