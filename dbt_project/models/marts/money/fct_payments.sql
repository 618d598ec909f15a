{{ config(indexes=[{'columns': ['invoice_key']}]) }}

-- Who paid what, when, and against which invoice.
with invoices as (

    select * from {{ ref('fct_invoices') }}

),

app_invoices as (

    select *
    from {{ ref('stg_nexacloud__invoices') }}
    where invoice_status = 'paid'

),

move_lines as (

    select *
    from {{ ref('stg_odoo__account_move_line') }}
    where deleted_at is null

),

partial_reconciles as (

    select * from {{ ref('stg_odoo__account_partial_reconcile') }}

),

payments as (

    select * from {{ ref('stg_odoo__account_payment') }}

),

currencies as (

    select * from {{ ref('stg_odoo__res_currency') }}

),

-- The app says that an invoice is paid, and not when: the change of the invoice stands for it.
of_app as (

    select
        'app:' || app_invoices.invoice_id as payment_key,
        'app:' || app_invoices.invoice_id as invoice_key,
        'payment' as settled_by,
        app_invoices.stripe_invoice_id as payment_reference,
        app_invoices.updated_at as paid_at,
        true as is_assumed_time,
        app_invoices.currency,
        app_invoices.total_amount as amount
    from app_invoices

),

-- Both sides of a match: the receivable of the invoice, and what settled it. A credit note is settled by
-- what it is set against, too.
matched_lines as (

    select
        partial_reconcile_id,
        debit_move_line_id as move_line_id,
        credit_move_line_id as counterpart_line_id,
        amount,
        1 as sign,
        created_at
    from partial_reconciles
    union all
    select
        partial_reconcile_id,
        credit_move_line_id as move_line_id,
        debit_move_line_id as counterpart_line_id,
        amount,
        -1 as sign,
        created_at
    from partial_reconciles

),

of_odoo as (

    select
        'odoo:match:' || matched_lines.partial_reconcile_id || ':' || move_lines.move_line_id
            as payment_key,
        invoices.invoice_key,
        case
            when payments.payment_id is not null then 'payment'
            when counterpart_invoices.document_type = 'credit_note' then 'credit_note'
            when counterpart_invoices.invoice_key is not null then 'invoice'
            else 'entry'
        end as settled_by,
        coalesce(payments.payment_name, counterpart_invoices.invoice_number) as payment_reference,
        coalesce(payments.created_at, matched_lines.created_at) as paid_at,
        false as is_assumed_time,
        invoices.currency,
        -- A match is kept in the company's currency: as a share of the receivable in the invoice's own.
        matched_lines.sign * round(
            matched_lines.amount * abs(move_lines.currency_amount) / abs(move_lines.balance_amount),
            currencies.decimal_places::integer
        ) as amount
    from matched_lines
    inner join move_lines on matched_lines.move_line_id = move_lines.move_line_id
    inner join invoices on 'odoo:' || move_lines.move_id = invoices.invoice_key
    left join move_lines as counterparts
        on matched_lines.counterpart_line_id = counterparts.move_line_id
    left join payments on counterparts.move_id = payments.move_id
    left join invoices as counterpart_invoices
        on 'odoo:' || counterparts.move_id = counterpart_invoices.invoice_key
    left join currencies on move_lines.currency_id = currencies.currency_id
    where move_lines.display_type = 'payment_term' and move_lines.balance_amount <> 0

),

unioned as (

    select * from of_app
    union all
    select * from of_odoo

),

final as (

    select
        unioned.payment_key,
        unioned.invoice_key,
        invoices.issuer,
        invoices.service,
        invoices.invoice_number,
        invoices.partner_id,
        invoices.external_customer_id,
        invoices.customer_name,
        unioned.settled_by,
        unioned.payment_reference,
        unioned.paid_at,
        unioned.is_assumed_time,
        unioned.currency,
        unioned.amount
    from unioned
    inner join invoices on unioned.invoice_key = invoices.invoice_key

)

select * from final
