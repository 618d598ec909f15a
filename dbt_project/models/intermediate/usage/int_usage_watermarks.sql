-- Read once, so that all that a build makes of usage is of the same records, whatever a load adds
-- meanwhile; a build that broke has not moved the sums, and what it took is taken again.
with usage_records as (

    select * from {{ ref('stg_nexacloud__usage_records') }}

),

newest as (

    select loaded_at
    from usage_records
    order by loaded_at desc
    limit 1

),

final as (

    select
        {{ usage_summed_until() }} as summed_until,
        coalesce((select loaded_at from newest), '-infinity') as loaded_until

)

select * from final
