{{ config(post_hook="{{ analyze_keys('subscription_id, period_type, segment_start, charge') }}") }}

-- All of them each night: rating a charge costs less than finding out whether its inputs changed.
with inputs as (

    select * from {{ ref('int_charge_inputs') }}

),

final as (

    select * from {{ rate_charges('inputs') }} as rated

)

select * from final
