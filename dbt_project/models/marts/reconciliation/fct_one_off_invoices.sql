with invoices as (

    select * from {{ ref('int_one_off_invoices') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

candidates as (

    select * from {{ ref('int_one_off_candidates') }}

),

services as (

    select * from {{ ref('int_services') }}

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
        date_trunc('month', {{ local_date(
            'coalesce(invoices.period_start, invoices.issued_at)', 'services.timezone'
        ) }})::date as month_on,
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
