{{ config(materialized='view') }}

with subjects as (

    select * from {{ ref('int_lifecycle_subjects') }}

),

documents as (

    select * from {{ ref('int_lifecycle_documents') }}

),

settlements as (

    select * from {{ ref('int_lifecycle_settlements') }}

),

failed_charges as (

    select * from {{ ref('int_lifecycle_failed_charges') }}

),

facts as (

    select
        subjects.*,
        documents.invoice_reference,
        documents.due_on,
        documents.currency,
        documents.total_amount,
        documents.residual_amount,
        documents.updated_at,
        documents.overdue_at,
        documents.dunning_grace_days,
        settlements.is_settled,
        settlements.settled_by,
        settlements.settled_cause,
        settlements.settled_at,
        settlements.is_doubtful,
        settlements.undone_payment_id,
        settlements.undone_payment_name,
        settlements.undone_payment_state,
        settlements.undone_payment_at,
        failed_charges.failed_transaction_id,
        failed_charges.failed_at,
        failed_charges.failure_message,
        failed_charges.failed_for_good_at,
        documents.move_state in ('cancel', 'deleted') as is_withdrawn,
        -- Somebody who blocked the dunning of an invoice, or money that the provider already
        -- took, is a reason to wait.
        documents.move_state = 'posted'
        and (
            documents.payment_state in ('not_paid', 'partial')
            or (settlements.is_doubtful and documents.payment_state <> 'blocked')
        )
        and not coalesce(failed_charges.is_money_on_its_way, false) as is_owed,
        -- An undone payment explains the debt only if it was undone after we said paid.
        subjects.is_told_good
        and coalesce(
            settlements.undone_payment_at >= subjects.previous_occurred_at, false
        ) as is_payment_undone
    from subjects
    inner join documents on subjects.document_key = documents.document_key
    inner join settlements on subjects.document_key = settlements.document_key
    left join failed_charges on subjects.document_key = failed_charges.document_key

),

-- Good news leaves at once; bad news waits out the grace, so that what is mended within it is
-- never heard of.
timed as (

    select
        *,
        case
            when not is_told_good
                then
                    least(
                        failed_for_good_at,
                        case
                            when is_doubtful
                                then
                                    greatest(
                                        overdue_at,
                                        undone_payment_at + dunning_grace_days * interval '1 day'
                                    )
                            else overdue_at
                        end
                    )
            else
                greatest(
                    overdue_at,
                    case when is_payment_undone then undone_payment_at else updated_at end
                    + dunning_grace_days * interval '1 day'
                )
        end as bad_at
    from facts

),

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

due as (

    select
        *,
        coalesce(
            event_type = 'invoice.payment_failed'
            and failed_for_good_at <= overdue_at, false
        ) as is_charge_failure
    from candidates
    where event_type is not null

),

explained as (

    select
        *,
        case
            when event_type = 'invoice.payment_succeeded' and is_withdrawn then updated_at
            when event_type = 'invoice.payment_succeeded' then settled_at
            else bad_at
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
    from due

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
            when event_type <> 'invoice.payment_succeeded' then null
            when is_withdrawn then 'withdrawal'
            else settled_by
        end as settled_by,
        previous_event_id
    from explained
    -- A deployment that was not there yet, or is gone, has nothing to suspend or restore.
    where
        coalesce(deployment_created_at, '-infinity') <= occurred_at
        and coalesce(deployment_terminated_at, 'infinity') > occurred_at

)

select * from final
