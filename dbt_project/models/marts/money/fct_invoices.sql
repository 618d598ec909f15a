{{ config(indexes=[{'columns': ['invoice_key']}, {'columns': ['month_on']}]) }}

-- Every invoice of the app and every customer document of Odoo, ours and those by hand, in one shape
-- and in the words of one list of states.
with app_invoices as (

    select * from {{ ref('stg_nexacloud__invoices') }}

),

moves as (

    select *
    from {{ ref('stg_odoo__account_move') }}
    where deleted_at is null and move_type in ('out_invoice', 'out_refund')

),

deleted_moves as (

    select *
    from {{ ref('stg_odoo__account_move') }}
    where deleted_at is not null

),

-- A document that was released as gone is Odoo's own again, where it still stands there.
publications as (

    select *
    from {{ ref('stg_ops__publications') }}
    where odoo_move_id is not null and publication_state <> 'released'

),

partners as (

    select *
    from {{ ref('stg_snapshots__odoo_res_partner') }}
    where is_current

),

odoo_currencies as (

    select * from {{ ref('stg_odoo__res_currency') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

services as (

    select * from {{ ref('int_services') }}

),

today as (

    select
        {{ local_date(as_of(), "'" ~ var('company_timezone', 'America/Toronto') ~ "'") }}
            as today_on

),

-- The app keeps no due date: an invoice of the app is due when it is issued.
of_app as (

    select
        'app:' || app_invoices.invoice_id as invoice_key,
        'app' as issuer,
        services.service,
        'invoice' as document_type,
        app_invoices.invoice_number,
        null::text as document_key,
        app_invoices.external_subscription_id is null as is_one_off,
        services.service || ':' || app_invoices.external_subscription_id as subscription_id,
        app_invoices.user_id as external_customer_id,
        customers.partner_id,
        coalesce(customers.partner_name, customers.customer_name) as customer_name,
        {{ local_date('app_invoices.issued_at', 'services.timezone') }} as issued_on,
        {{ local_date('app_invoices.issued_at', 'services.timezone') }} as due_on,
        app_invoices.period_start,
        app_invoices.period_end,
        {{ month_of_invoice('app_invoices.period_start', 'app_invoices.issued_at', 'services.timezone') }}
            as month_on,
        app_invoices.invoice_status as source_state,
        case
            when app_invoices.invoice_status = 'open' then 'posted'
            when app_invoices.invoice_status in ('draft', 'paid', 'void', 'uncollectible')
                then app_invoices.invoice_status
            else 'unknown'
        end as invoice_state,
        app_invoices.currency,
        app_invoices.subtotal_amount as net_amount,
        app_invoices.tax_amount,
        app_invoices.total_amount,
        case app_invoices.invoice_status when 'open' then app_invoices.total_amount else 0 end
            as open_amount
    from app_invoices
    inner join services on services.service = 'nexacloud'
    left join customers
        on
            services.service = customers.service
            and app_invoices.user_id = customers.external_customer_id

),

signed as (

    select
        *,
        case move_type when 'out_refund' then -1 else 1 end as sign
    from moves

),

of_odoo as (

    select
        'odoo:' || signed.move_id as invoice_key,
        'odoo' as issuer,
        publications.service,
        case signed.move_type when 'out_refund' then 'credit_note' else 'invoice' end
            as document_type,
        nullif(signed.move_name, '/') as invoice_number,
        publications.document_key,
        false as is_one_off,
        null::text as subscription_id,
        null::text as external_customer_id,
        signed.partner_id,
        partners.partner_name as customer_name,
        coalesce(signed.invoice_on, signed.accounting_on) as issued_on,
        coalesce(signed.due_on, signed.invoice_on, signed.accounting_on) as due_on,
        publications.billing_period_start as period_start,
        publications.billing_period_end as period_end,
        coalesce(
            {{ month_of_invoice('publications.billing_period_start', 'null::timestamptz', 'services.timezone') }},
            date_trunc('month', coalesce(signed.invoice_on, signed.accounting_on))::date
        ) as month_on,
        concat_ws(' ', signed.move_state, signed.payment_state) as source_state,
        case
            when signed.move_state = 'draft' then 'draft'
            when signed.move_state = 'cancel' then 'void'
            when signed.move_state <> 'posted' then 'unknown'
            when signed.payment_state in ('not_paid', 'blocked', 'invoicing_legacy') then 'posted'
            when signed.payment_state = 'partial' then 'partly_paid'
            when signed.payment_state in ('in_payment', 'paid') then 'paid'
            when signed.payment_state = 'reversed' then 'credited'
            else 'unknown'
        end as invoice_state,
        odoo_currencies.currency_code as currency,
        signed.sign * signed.untaxed_amount as net_amount,
        signed.sign * signed.tax_amount as tax_amount,
        signed.sign * signed.total_amount as total_amount,
        case signed.move_state when 'posted' then signed.sign * signed.residual_amount else 0 end
            as open_amount
    from signed
    left join publications on signed.move_id = publications.odoo_move_id
    left join services on publications.service = services.service
    left join partners on signed.partner_id = partners.partner_id
    left join odoo_currencies on signed.currency_id = odoo_currencies.currency_id

),

-- What was sent since the last load stands as it was sent; what somebody deleted in Odoo is void.
of_ledger as (

    select
        'odoo:' || publications.odoo_move_id as invoice_key,
        'odoo' as issuer,
        publications.service,
        case publications.move_type when 'out_refund' then 'credit_note' else 'invoice' end
            as document_type,
        nullif(publications.odoo_name, '/') as invoice_number,
        publications.document_key,
        false as is_one_off,
        null::text as subscription_id,
        null::text as external_customer_id,
        publications.partner_id,
        partners.partner_name as customer_name,
        publications.invoice_on as issued_on,
        publications.due_on,
        publications.billing_period_start as period_start,
        publications.billing_period_end as period_end,
        {{ month_of_invoice('publications.billing_period_start', 'null::timestamptz', 'services.timezone') }}
            as month_on,
        case when deleted_moves.move_id is null then 'not loaded yet' else 'deleted' end
            as source_state,
        case when deleted_moves.move_id is null then 'draft' else 'void' end as invoice_state,
        publications.currency,
        signs.sign * publications.expected_untaxed_amount as net_amount,
        signs.sign * publications.expected_tax_amount as tax_amount,
        signs.sign * publications.expected_total_amount as total_amount,
        0::numeric as open_amount
    from publications
    inner join services on publications.service = services.service
    cross join lateral (
        select case when publications.move_type = 'out_refund' then -1 else 1 end as sign
    ) as signs
    left join moves on publications.odoo_move_id = moves.move_id
    left join deleted_moves on publications.odoo_move_id = deleted_moves.move_id
    left join partners on publications.partner_id = partners.partner_id
    where moves.move_id is null

),

unioned as (

    select * from of_app
    union all
    select * from of_odoo
    union all
    select * from of_ledger

),

final as (

    select
        unioned.*,
        case when unioned.open_amount <> 0 then today.today_on - unioned.due_on end as overdue_days
    from unioned
    cross join today

)

select * from final
