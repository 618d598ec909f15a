{{ config(indexes=[{'columns': ['invoice_key']}, {'columns': ['subscription_id']}]) }}

-- What each invoice is made of, net of tax: the items of an invoice add up to its net amount.
with invoices as (

    select * from {{ ref('fct_invoices') }}

),

app_items as (

    select *
    from {{ ref('stg_nexacloud__invoice_items') }}
    where item_kind <> 'tax'

),

move_lines as (

    select *
    from {{ ref('stg_odoo__account_move_line') }}
    where deleted_at is null and display_type = 'product'

),

publication_lines as (

    select *
    from {{ ref('stg_ops__publication_lines') }}
    where released_at is null

),

of_app as (

    select
        'app:' || app_items.invoice_item_id as item_key,
        invoices.invoice_key,
        invoices.subscription_id,
        null::text as line_key,
        app_items.item_kind,
        null::text as charge,
        null::text as plan_code,
        app_items.description,
        app_items.quantity,
        app_items.unit_price,
        app_items.amount,
        coalesce(app_items.period_start, invoices.period_start) as period_start,
        coalesce(app_items.period_end, invoices.period_end) as period_end
    from app_items
    inner join invoices on 'app:' || app_items.invoice_id = invoices.invoice_key

),

item_sums as (

    select
        invoice_key,
        sum(amount) as amount
    from of_app
    group by invoice_key

),

-- What a header of the app has beyond its items.
beyond_items as (

    select
        invoices.invoice_key || ':net' as item_key,
        invoices.invoice_key,
        invoices.subscription_id,
        null::text as line_key,
        'unitemised' as item_kind,
        null::text as charge,
        null::text as plan_code,
        'net amount beyond the items' as description,
        null::numeric as quantity,
        null::numeric as unit_price,
        invoices.net_amount - coalesce(item_sums.amount, 0) as amount,
        invoices.period_start,
        invoices.period_end
    from invoices
    left join item_sums on invoices.invoice_key = item_sums.invoice_key
    where invoices.issuer = 'app' and invoices.net_amount <> coalesce(item_sums.amount, 0)

),

of_odoo as (

    select
        'odoo:' || move_lines.move_line_id as item_key,
        invoices.invoice_key,
        publication_lines.subscription_id,
        publication_lines.line_key,
        coalesce(publication_lines.kind, 'by_hand') as item_kind,
        publication_lines.charge,
        publication_lines.plan_code,
        move_lines.line_description as description,
        move_lines.quantity,
        move_lines.unit_price,
        -move_lines.currency_amount as amount,
        publication_lines.service_period_start as period_start,
        publication_lines.service_period_end as period_end
    from move_lines
    inner join invoices on 'odoo:' || move_lines.move_id = invoices.invoice_key
    left join publication_lines
        on
            move_lines.move_line_id = publication_lines.odoo_move_line_id
            and invoices.document_key = publication_lines.document_key

),

loaded as (

    select distinct invoice_key
    from of_odoo

),

of_ledger as (

    select
        'ledger:' || publication_lines.line_key as item_key,
        invoices.invoice_key,
        publication_lines.subscription_id,
        publication_lines.line_key,
        publication_lines.kind as item_kind,
        publication_lines.charge,
        publication_lines.plan_code,
        publication_lines.description,
        publication_lines.quantity,
        publication_lines.unit_price,
        publication_lines.amount,
        publication_lines.service_period_start as period_start,
        publication_lines.service_period_end as period_end
    from publication_lines
    inner join invoices on publication_lines.document_key = invoices.document_key
    left join loaded on invoices.invoice_key = loaded.invoice_key
    where loaded.invoice_key is null

),

unioned as (

    select * from of_app
    union all
    select * from beyond_items
    union all
    select * from of_odoo
    union all
    select * from of_ledger

),

final as (

    select
        unioned.item_key,
        unioned.invoice_key,
        invoices.issuer,
        invoices.service,
        invoices.invoice_state,
        invoices.month_on,
        unioned.subscription_id,
        unioned.line_key,
        unioned.item_kind,
        unioned.charge,
        unioned.plan_code,
        unioned.description,
        unioned.quantity,
        unioned.unit_price,
        unioned.amount,
        invoices.currency,
        unioned.period_start,
        unioned.period_end
    from unioned
    inner join invoices on unioned.invoice_key = invoices.invoice_key

)

select * from final
