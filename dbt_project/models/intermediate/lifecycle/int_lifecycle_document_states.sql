with documents as (

    select * from {{ ref('int_lifecycle_documents') }}

),

partial_reconciles as (

    select * from {{ ref('stg_odoo__account_partial_reconcile') }}

),

payments as (

    select * from {{ ref('stg_odoo__account_payment') }}

),

transactions as (

    select * from {{ ref('stg_odoo__payment_transaction') }}

),

attempts as (

    select
        documents.document_key,
        transactions.payment_transaction_id,
        transactions.transaction_state,
        transactions.state_message,
        transactions.state_changed_at,
        transactions.transaction_state = 'done'
        and not coalesce(transactions.is_post_processed, false) as is_money_on_its_way
    from transactions
    cross join lateral unnest(transactions.invoice_move_ids) as charged_moves (move_id)
    inner join documents on charged_moves.move_id = documents.odoo_move_id

),

-- A charge that is under way or went through wipes out the failures before it. A page that the
-- customer closed (cancel) is neither.
progress as (

    select
        document_key,
        max(state_changed_at) as last_progress_at,
        bool_or(is_money_on_its_way) as is_money_on_its_way
    from attempts
    where transaction_state in ('pending', 'authorized', 'done')
    group by document_key

),

failures as (

    select
        attempts.document_key,
        attempts.payment_transaction_id,
        attempts.state_changed_at,
        attempts.state_message
    from attempts
    left join progress on attempts.document_key = progress.document_key
    where
        attempts.transaction_state = 'error'
        and attempts.state_changed_at > coalesce(progress.last_progress_at, '-infinity')

),

-- The first failure of the row counts: trying again does not put the day off.
first_failures as (

    select distinct on (document_key) *
    from failures
    order by document_key, state_changed_at, payment_transaction_id

),

failed_charges as (

    select
        documents.document_key,
        first_failures.payment_transaction_id as failed_transaction_id,
        first_failures.state_changed_at as failed_at,
        first_failures.state_message as failure_message,
        first_failures.state_changed_at
        + documents.dunning_grace_days * interval '1 day' as failed_for_good_at,
        coalesce(progress.is_money_on_its_way, false) as is_money_on_its_way
    from documents
    left join first_failures on documents.document_key = first_failures.document_key
    left join progress on documents.document_key = progress.document_key
    where first_failures.document_key is not null or progress.document_key is not null

),

move_lines as (

    select *
    from {{ ref('stg_odoo__account_move_line') }}
    where deleted_at is null

),

-- What paid the invoice: the other side of each match of its receivable.
matches as (

    select
        documents.document_key,
        partial_reconciles.partial_reconcile_id,
        partial_reconciles.created_at,
        payments.payment_id,
        payments.payment_name,
        payments.updated_at as payment_updated_at,
        -- Odoo leaves the invoice paid when its payment is rejected or set back to draft.
        coalesce(payments.payment_state in ('draft', 'canceled', 'rejected'), false) as is_undone,
        payments.payment_state
    from documents
    inner join move_lines as receivables on documents.odoo_move_id = receivables.move_id
    inner join
        partial_reconciles
        on receivables.move_line_id = partial_reconciles.debit_move_line_id
    left join move_lines as counterparts
        on partial_reconciles.credit_move_line_id = counterparts.move_line_id
    left join payments on counterparts.move_id = payments.move_id
    where receivables.display_type = 'payment_term'

),

latest_matches as (

    select distinct on (document_key) *
    from matches
    order by document_key asc, created_at desc, partial_reconcile_id desc

),

undone_matches as (

    select distinct on (document_key) *
    from matches
    where is_undone
    order by document_key asc, payment_updated_at desc, payment_id desc

),

-- Payments keep pointing at their invoices, cancelled ones too. Unnested, for a join on an array
-- compares everything with everything.
invoice_payments as (

    select
        documents.document_key,
        payments.payment_id,
        payments.payment_name,
        payments.payment_state,
        payments.created_at,
        payments.updated_at
    from payments
    cross join lateral unnest(payments.invoice_move_ids) as paid_moves (move_id)
    inner join documents on paid_moves.move_id = documents.odoo_move_id
    where payments.payment_type = 'inbound'

),

latest_payments as (

    select distinct on (document_key) *
    from invoice_payments
    where payment_state in ('in_process', 'paid')
    order by document_key asc, created_at desc, payment_id desc

),

undone_payments as (

    select distinct on (document_key) *
    from invoice_payments
    where payment_state in ('draft', 'canceled', 'rejected')
    order by document_key asc, updated_at desc, payment_id desc

),

settlements as (

    select
        documents.document_key,
        documents.move_state = 'posted'
        and documents.payment_state in ('paid', 'in_payment', 'reversed')
        and undone_matches.document_key is null as is_settled,
        undone_matches.document_key is not null as is_doubtful,
        case
            when documents.payment_state = 'reversed' then 'credit_note' else 'payment'
        end as settled_by,
        coalesce(
            'account.partial.reconcile,' || latest_matches.partial_reconcile_id,
            'account.payment,' || latest_payments.payment_id,
            'account.move,' || documents.odoo_move_id
        ) as settled_cause,
        coalesce(
            latest_matches.created_at, latest_payments.created_at, documents.updated_at
        ) as settled_at,
        coalesce(undone_matches.payment_id, undone_payments.payment_id) as undone_payment_id,
        coalesce(undone_matches.payment_name, undone_payments.payment_name)
            as undone_payment_name,
        coalesce(undone_matches.payment_state, undone_payments.payment_state)
            as undone_payment_state,
        coalesce(undone_matches.payment_updated_at, undone_payments.updated_at)
            as undone_payment_at
    from documents
    left join latest_matches on documents.document_key = latest_matches.document_key
    left join undone_matches on documents.document_key = undone_matches.document_key
    left join latest_payments on documents.document_key = latest_payments.document_key
    left join undone_payments on documents.document_key = undone_payments.document_key

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
