with documents as (

    select * from {{ ref('int_lifecycle_documents') }}

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

final as (

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

)

select * from final
