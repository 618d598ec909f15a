{{ config(post_hook='analyze {{ this }}') }}

-- Every key that any side knows. By union, not by a full join: a NULL key joins nothing.
with expected as (

    select * from {{ ref('int_reconciliation_expected') }}

),

actual as (

    select * from {{ ref('int_reconciliation_actual') }}

),

billed as (

    select * from {{ ref('int_reconciliation_billed') }}

),

final as (

    select
        service,
        subscription_id,
        external_subscription_id,
        period_start,
        period_end
    from expected
    union
    select
        service,
        subscription_id,
        external_subscription_id,
        period_start,
        period_end
    from actual
    union
    select
        service,
        subscription_id,
        external_subscription_id,
        period_start,
        period_end
    from billed

)

select * from final
