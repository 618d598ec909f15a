with app_invoices as (

    select * from {{ ref('stg_nexacloud__invoices') }}

),

moves as (

    select *
    from {{ ref('stg_odoo__account_move') }}
    where deleted_at is null

),

publications as (

    select * from {{ ref('stg_ops__publications') }}

),

partners as (

    select *
    from {{ ref('stg_snapshots__odoo_res_partner') }}
    where is_current

),

odoo_currencies as (

    select * from {{ ref('stg_odoo__res_currency') }}

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

services as (

    select * from {{ ref('int_services') }}

),

invoices as (

    select
        'nexacloud' as service,
        invoice_id,
        invoice_number,
        user_id as external_customer_id,
        invoice_status,
        currency,
        subtotal_amount,
        tax_amount,
        total_amount,
        stripe_invoice_id,
        period_start,
        period_end,
        issued_at
    from app_invoices
    where external_subscription_id is null

),

-- Odoo's own invoices: what we published is never the counterpart of what the app invoiced.
manual_moves as (

    select
        moves.move_id,
        moves.move_name,
        moves.commercial_partner_id,
        moves.invoice_on,
        moves.untaxed_amount,
        moves.total_amount,
        odoo_currencies.currency_code,
        lower(trim(moves.move_name)) as number_key,
        array_remove(
            array[
                lower(trim(moves.move_reference)), lower(trim(moves.payment_reference)),
                lower(trim(moves.origin))
            ], null
        ) as reference_keys
    from moves
    left join odoo_currencies on moves.currency_id = odoo_currencies.currency_id
    left join publications on moves.move_id = publications.odoo_move_id
    where
        moves.move_type in ('out_invoice', 'out_refund')
        and moves.move_state <> 'cancel'
        and publications.document_key is null

),

billed_customers as (

    select
        invoices.*,
        {{ decimals_of('currencies') }} as decimals,
        coalesce(partners.commercial_partner_id, customers.partner_id) as commercial_partner_id
    from invoices
    left join customers
        on
            invoices.service = customers.service
            and invoices.external_customer_id = customers.external_customer_id
    left join partners on customers.partner_id = partners.partner_id
    left join currencies on invoices.currency = currencies.currency_code

),

by_reference as (

    select
        billed_customers.invoice_id,
        manual_moves.move_id,
        1 as rule_rank,
        'reference' as match_rule
    from billed_customers
    inner join manual_moves
        on
            lower(billed_customers.invoice_number) = any(manual_moves.reference_keys)
            or lower(billed_customers.stripe_invoice_id) = any(manual_moves.reference_keys)

),

by_number as (

    select
        billed_customers.invoice_id,
        manual_moves.move_id,
        2 as rule_rank,
        'number' as match_rule
    from billed_customers
    inner join manual_moves
        on lower(billed_customers.invoice_number) = manual_moves.number_key

),

by_amount as (

    select
        billed_customers.invoice_id,
        manual_moves.move_id,
        3 as rule_rank,
        'partner_amount_date' as match_rule
    from billed_customers
    inner join manual_moves
        on
            billed_customers.commercial_partner_id = manual_moves.commercial_partner_id
            and billed_customers.currency = manual_moves.currency_code
            and {{ round_money('billed_customers.total_amount', 'billed_customers.decimals') }}
            = manual_moves.total_amount
            and manual_moves.invoice_on - billed_customers.issued_at::date
            between -{{ var('one_off_window_days', 7) }} and {{ var('one_off_window_days', 7) }}

),

pairs as (

    select * from by_reference
    union
    select * from by_number
    union
    select * from by_amount

),

candidates as (

    select
        pairs.invoice_id,
        pairs.move_id,
        pairs.rule_rank,
        pairs.match_rule,
        manual_moves.move_name,
        manual_moves.untaxed_amount as odoo_amount
    from pairs
    inner join manual_moves on pairs.move_id = manual_moves.move_id

),

-- The strongest rule that finds anything decides; a move answers for one invoice only.
strongest as (

    select
        *,
        min(rule_rank) over (partition by invoice_id) as invoice_rank,
        min(rule_rank) over (partition by move_id) as move_rank
    from candidates

),

mutual as (

    select
        *,
        count(*) over (partition by invoice_id) as moves_of_invoice,
        count(*) over (partition by move_id) as invoices_of_move
    from strongest
    where rule_rank = invoice_rank and rule_rank = move_rank

),

matched as (

    select
        invoice_id,
        min(match_rule) as match_rule,
        count(*) as candidate_count,
        bool_and(moves_of_invoice = 1 and invoices_of_move = 1) as is_unique,
        min(move_id) as move_id,
        min(move_name) as move_name,
        min(odoo_amount) as odoo_amount
    from mutual
    group by invoice_id

),

final as (

    select
        invoices.service,
        invoices.invoice_id,
        invoices.invoice_number,
        invoices.external_customer_id,
        customers.customer_name,
        customers.partner_id,
        invoices.invoice_status,
        invoices.currency,
        invoices.subtotal_amount as amount,
        invoices.tax_amount,
        invoices.total_amount,
        invoices.period_start,
        invoices.period_end,
        invoices.issued_at,
        {{ month_of_invoice('invoices.period_start', 'invoices.issued_at', 'services.timezone') }}
            as month_on,
        case
            when matched.invoice_id is null then 'unmatched'
            when matched.is_unique then 'matched'
            else 'ambiguous'
        end as match_status,
        matched.match_rule,
        case when matched.is_unique then matched.move_id end as odoo_move_id,
        case when matched.is_unique then matched.move_name end as odoo_name,
        case when matched.is_unique then matched.odoo_amount end as odoo_amount
    from invoices
    inner join services on invoices.service = services.service
    left join customers
        on
            invoices.service = customers.service
            and invoices.external_customer_id = customers.external_customer_id
    left join matched on invoices.invoice_id = matched.invoice_id

)

select * from final
