with documents as (

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
        documents.*,
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
        coalesce(failed_charges.is_money_on_its_way, false) as is_money_on_its_way,
        documents.dunning_grace_days * interval '1 day' as grace
    from documents
    inner join settlements on documents.document_key = settlements.document_key
    left join failed_charges on documents.document_key = failed_charges.document_key

),

final as (

    select
        document_key,
        odoo_move_id,
        invoice_reference,
        due_on,
        currency,
        total_amount,
        residual_amount,
        updated_at,
        overdue_at,
        dunning_grace_days,
        is_settled,
        settled_by,
        settled_cause,
        settled_at,
        is_doubtful,
        undone_payment_id,
        undone_payment_name,
        undone_payment_state,
        undone_payment_at,
        failed_transaction_id,
        failed_at,
        failure_message,
        move_state in ('cancel', 'deleted') as is_withdrawn,
        -- Somebody who blocked the dunning of an invoice, or money that the provider already
        -- took, is a reason to wait.
        move_state = 'posted'
        and not is_money_on_its_way
        and (
            payment_state in ('not_paid', 'partial')
            or (is_doubtful and payment_state <> 'blocked')
        ) as is_owed,
        coalesce(failed_for_good_at <= overdue_at, false) as is_charge_failure,
        -- When a debt that was never paid becomes a failure: bad news waits out the grace.
        least(
            failed_for_good_at,
            case
                when is_doubtful then greatest(overdue_at, undone_payment_at + grace)
                else overdue_at
            end
        ) as fails_at,
        -- The same for a debt that was paid, and then was not.
        greatest(overdue_at, undone_payment_at + grace) as fails_again_at,
        greatest(overdue_at, updated_at + grace) as fails_again_unexplained_at
    from facts

)

select * from final
