{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ forget_changed_charges() }}",
        post_hook="{{ analyze_keys('subscription_id, period_type, segment_start, charge') }}"
    )
}}

with inputs as (

    select * from {{ ref('int_charge_inputs') }}

),

-- A night rates what has other usage, another price, fraction or rule than when it was rated last.
changed as (

    select inputs.*
    from
        inputs
    {%- if is_incremental() %}
    left join {{ this }} as this
        on
            inputs.subscription_id = this.subscription_id
            and inputs.period_type = this.period_type
            and inputs.segment_start = this.segment_start
            and inputs.charge = this.charge
    where this.subscription_id is null
    {%- endif %}

),

final as (

    select * from {{ rate_charges('changed') }} as rated

)

select * from final
