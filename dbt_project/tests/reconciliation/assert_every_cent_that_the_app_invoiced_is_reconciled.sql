-- Exists for the failure in which an invoice falls between two periods and nobody misses it: what
-- the app's counted subscription invoices sum to must be on the actual side, or belong to time that
-- is not over yet.
with invoices as (

    select *
    from {{ ref('stg_nexacloud__invoices') }}
    where
        invoice_status in ('open', 'paid', 'uncollectible')
        and external_subscription_id is not null

),

charges as (

    select *
    from {{ ref('int_app_charges') }}
    where is_counted and item_kind <> 'tax'

),

reconciliation as (

    select * from {{ ref('fct_reconciliation') }}

),

sums as (

    select
        (select coalesce(sum(subtotal_amount), 0) from invoices) as invoiced_amount,
        (select coalesce(sum(actual_amount), 0) from reconciliation) as reconciled_amount,
        (
            select coalesce(sum(amount), 0) from charges
            where period_end > {{ as_of() }}
        ) as later_amount

)

select *
from sums
where invoiced_amount <> reconciled_amount + later_amount
