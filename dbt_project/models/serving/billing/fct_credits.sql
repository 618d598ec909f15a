{{ config(materialized='view') }}

-- Every credit: asked for here, entered in Odoo by hand, or an item of the app's.
with requests as (

    select * from {{ ref('stg_ops__credit_requests') }}

),

approvals as (

    select * from {{ ref('stg_ops__line_approval_status') }}

),

publication_lines as (

    select * from {{ ref('stg_ops__publication_lines') }}

),

publications as (

    select * from {{ ref('stg_ops__publications') }}

),

invoices as (

    select * from {{ ref('fct_invoices') }}

),

items as (

    select * from {{ ref('fct_invoice_items') }}

),

-- A credit's line is known by the number of its request; a released document gave it back.
asked as (

    select
        *,
        {{ hash_key(["'credit:' || credit_id"]) }} as line_key
    from requests

),

latest_approvals as (

    select distinct on (line_key) *
    from approvals
    order by line_key asc, latest_decided_at desc nulls last

),

in_force as (

    select *
    from publication_lines
    where released_at is null

),

of_requests as (

    select
        'request:' || asked.credit_id as credit_key,
        'asked_for' as origin,
        credited.service,
        credited.subscription_id,
        credited.content ->> 'customer_name' as customer_name,
        asked.credited_line_key,
        coalesce(credited_invoices.invoice_number, credited.document_key) as credited_invoice,
        coalesce(credit_invoices.invoice_number, credits.document_key) as credit_note,
        asked.currency,
        asked.amount,
        asked.note as reason,
        asked.requested_by as asked_by,
        asked.requested_at as asked_at,
        latest_approvals.approved_by,
        case when latest_approvals.is_approved then latest_approvals.approved_at end
            as approved_at,
        case
            when credit_invoices.invoice_state is not null then credit_invoices.invoice_state
            when credits.document_key is not null then 'draft'
            when latest_approvals.is_approved then 'approved'
            when latest_approvals.latest_decision in ('reject', 'revoke') then 'rejected'
            else 'asked'
        end as credit_state
    from asked
    left join latest_approvals on asked.line_key = latest_approvals.line_key
    left join in_force as credited on asked.credited_line_key = credited.line_key
    left join publications as credited_documents
        on credited.document_key = credited_documents.document_key
    left join invoices as credited_invoices
        on 'odoo:' || credited_documents.odoo_move_id = credited_invoices.invoice_key
    left join in_force as credits on asked.line_key = credits.line_key
    left join publications as credit_documents
        on credits.document_key = credit_documents.document_key
    left join invoices as credit_invoices
        on 'odoo:' || credit_documents.odoo_move_id = credit_invoices.invoice_key

),

of_odoo as (

    select
        invoices.invoice_key as credit_key,
        'by_hand' as origin,
        invoices.service,
        null::text as subscription_id,
        invoices.customer_name,
        null::text as credited_line_key,
        null::text as credited_invoice,
        invoices.invoice_number as credit_note,
        invoices.currency,
        -invoices.net_amount as amount,
        null::text as reason,
        null::text as asked_by,
        invoices.issued_on::timestamptz as asked_at,
        null::text as approved_by,
        null::timestamptz as approved_at,
        invoices.invoice_state as credit_state
    from invoices
    where invoices.document_type = 'credit_note' and invoices.document_key is null

),

of_app as (

    select
        items.item_key as credit_key,
        'app' as origin,
        items.service,
        items.subscription_id,
        invoices.customer_name,
        null::text as credited_line_key,
        null::text as credited_invoice,
        invoices.invoice_number as credit_note,
        items.currency,
        -items.amount as amount,
        items.description as reason,
        null::text as asked_by,
        invoices.issued_on::timestamptz as asked_at,
        null::text as approved_by,
        null::timestamptz as approved_at,
        items.invoice_state as credit_state
    from items
    inner join invoices on items.invoice_key = invoices.invoice_key
    where items.issuer = 'app' and items.item_kind = 'credit'

),

final as (

    select * from of_requests
    union all
    select * from of_odoo
    union all
    select * from of_app

)

select * from final
