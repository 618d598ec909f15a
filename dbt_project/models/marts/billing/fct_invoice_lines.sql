{{ config(
    indexes=[
        {'columns': ['line_key']},
        {'columns': ['subscription_id']},
        {'columns': ['partner_id', 'billing_period_start']},
        {'columns': ['service_period_start']},
    ],
    post_hook='analyze {{ this }}',
) }}

with frozen_lines as (

    select * from {{ ref('int_frozen_lines') }}

),

proposed_lines as (

    select * from {{ ref('int_addressed_lines') }}

),

final as (

    select {{ invoice_line_columns('frozen_lines') }}
    from frozen_lines
    union all
    select {{ invoice_line_columns('proposed_lines') }}
    from proposed_lines

)

select * from final
