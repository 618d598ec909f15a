with documents as (

    select * from {{ ref('int_lifecycle_documents') }}

),

partial_reconciles as (

    select * from {{ ref('stg_odoo__account_partial_reconcile') }}

),

move_lines as (

    select * from {{ ref('stg_odoo__account_move_line') }}

),

payments as (

    select * from {{ ref('stg_odoo__account_payment') }}

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

final as (

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

)

select * from final
