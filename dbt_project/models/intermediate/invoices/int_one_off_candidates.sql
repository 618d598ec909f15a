{{ config(post_hook='analyze {{ this }}') }}

with invoices as (

    select * from {{ ref('int_one_off_invoices') }}

),

customers as (

    select *
    from {{ ref('int_customer_partners') }}
    where valid_until is null

),

partners as (

    select *
    from {{ ref('stg_snapshots__odoo_res_partner') }}
    where is_current

),

manual_moves as (

    select * from {{ ref('int_odoo_manual_invoices') }}

),

currencies as (

    select * from {{ ref('int_currencies') }}

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

unioned as (

    select * from by_reference
    union
    select * from by_number
    union
    select * from by_amount

),

final as (

    select
        unioned.invoice_id,
        unioned.move_id,
        unioned.rule_rank,
        unioned.match_rule,
        manual_moves.move_name,
        manual_moves.untaxed_amount as odoo_amount
    from unioned
    inner join manual_moves on unioned.move_id = manual_moves.move_id

)

select * from final
