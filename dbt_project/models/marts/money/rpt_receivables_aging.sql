with open_invoices as (

    select *
    from {{ ref('fct_invoices') }}
    where open_amount <> 0

),

aged as (

    select
        issuer,
        coalesce(partner_id::text, external_customer_id) as debtor_id,
        customer_name,
        currency,
        open_amount,
        overdue_days
    from open_invoices

),

final as (

    select
        issuer,
        debtor_id,
        max(customer_name) as customer_name,
        currency,
        count(*)::integer as invoice_count,
        coalesce(sum(open_amount) filter (where overdue_days <= 0), 0) as not_due_amount,
        coalesce(sum(open_amount) filter (where overdue_days between 1 and 30), 0)
            as overdue_1_to_30_days_amount,
        coalesce(sum(open_amount) filter (where overdue_days between 31 and 60), 0)
            as overdue_31_to_60_days_amount,
        coalesce(sum(open_amount) filter (where overdue_days between 61 and 90), 0)
            as overdue_61_to_90_days_amount,
        coalesce(sum(open_amount) filter (where overdue_days > 90), 0)
            as overdue_over_90_days_amount,
        sum(open_amount) as open_amount,
        max(overdue_days)::integer as longest_overdue_days
    from aged
    group by issuer, debtor_id, currency

)

select * from final
