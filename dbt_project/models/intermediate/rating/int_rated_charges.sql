with inputs as (

    select * from {{ ref('int_charge_inputs') }}

),

final as (

    select * from {{ rate_charges('inputs') }} as rated

)

select * from final
