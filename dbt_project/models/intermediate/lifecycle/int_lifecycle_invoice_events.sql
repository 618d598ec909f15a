{{ config(materialized='view') }}

with subjects as (

    select * from {{ ref('int_lifecycle_subjects') }}

),

states as (

    select * from {{ ref('int_lifecycle_document_states') }}

),

facts as (

    select
        subjects.service,
        subjects.subscription_id,
        subjects.external_subscription_id,
        subjects.external_customer_id,
        subjects.deployment_id,
        subjects.deployment_created_at,
        subjects.deployment_terminated_at,
        subjects.subject,
        subjects.previous_event_id,
        subjects.previous_cause,
        subjects.is_told_bad,
        subjects.is_told_good,
        -- An undone payment explains the debt only if it was undone after we said paid.
        subjects.is_told_good
        and coalesce(states.undone_payment_at >= subjects.previous_occurred_at, false)
            as is_payment_undone,
        states.*
    from subjects
    inner join states on subjects.document_key = states.document_key

),

timed as (

    select
        *,
        case
            when not is_told_good then fails_at
            when is_payment_undone then fails_again_at
            else fails_again_unexplained_at
        end as bad_at
    from facts

),

-- Good news leaves at once. Bad news is told when its time has come, and once.
candidates as (

    select
        *,
        case
            when is_settled and settled_by = 'payment' and not is_told_good
                then 'invoice.payment_succeeded'
            -- Nothing is owed any more: whoever was told of a failure has to hear it.
            when (is_settled or is_withdrawn) and is_told_bad then 'invoice.payment_succeeded'
            when is_owed and is_told_good and bad_at <= {{ as_of() }}
                then 'invoice.payment_reversed'
            when is_owed and not is_told_bad and bad_at <= {{ as_of() }}
                then 'invoice.payment_failed'
        end as event_type
    from timed

),

explained as (

    select
        *,
        case
            when event_type <> 'invoice.payment_succeeded' then bad_at
            when is_withdrawn then updated_at
            else settled_at
        end as occurred_at,
        case
            when event_type = 'invoice.payment_succeeded' and is_withdrawn
                then 'account.move,' || odoo_move_id
            when event_type = 'invoice.payment_succeeded' then settled_cause
            when event_type = 'invoice.payment_reversed' and is_payment_undone
                then 'account.payment,' || undone_payment_id
            when event_type = 'invoice.payment_reversed' then previous_cause
            when is_charge_failure then 'payment.transaction,' || failed_transaction_id
            else 'account.move,' || odoo_move_id || ',due ' || due_on
        end as cause
    from candidates
    where event_type is not null

),

final as (

    select
        event_type,
        service,
        subscription_id,
        external_subscription_id,
        deployment_id,
        external_customer_id,
        subject,
        cause,
        occurred_at,
        {{ lifecycle_reason() }} as reason,
        document_key,
        odoo_move_id,
        invoice_reference,
        due_on,
        currency,
        total_amount,
        residual_amount,
        case
            when event_type = 'invoice.payment_succeeded'
                then case when is_withdrawn then 'withdrawal' else settled_by end
        end as settled_by,
        previous_event_id
    from explained
    -- A deployment that was not there yet, or is gone, has nothing to suspend or restore.
    where
        coalesce(deployment_created_at, '-infinity') <= occurred_at
        and coalesce(deployment_terminated_at, 'infinity') > occurred_at

)

select * from final
