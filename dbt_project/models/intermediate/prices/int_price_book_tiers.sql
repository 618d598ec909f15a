with tiers as (

    select * from {{ ref('charge_tiers') }}

),

-- A tier begins where the one before it ends; the last one is open, whatever it says.
bounded_tiers as (

    select
        *,
        coalesce(lag(tier_to) over by_bound, 0) as tier_from,
        row_number() over by_bound as tier_number,
        lead(1) over by_bound is null as is_last_tier
    from tiers
    window by_bound as (
        partition by service, plan_code, charge, valid_from
        order by tier_to nulls last
    )

),

final as (

    select
        service,
        plan_code,
        charge,
        valid_from,
        jsonb_agg(
            jsonb_build_object(
                'from', tier_from,
                'to', case when not is_last_tier then tier_to end,
                'unit_price', coalesce(unit_price, 0),
                'flat_fee', coalesce(flat_fee, 0)
            )
            order by tier_number
        ) as tiers
    from bounded_tiers
    group by service, plan_code, charge, valid_from

)

select * from final
