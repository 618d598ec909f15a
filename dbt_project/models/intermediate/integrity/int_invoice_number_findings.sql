{{ config(post_hook='analyze {{ this }}') }}

with invoices as (

    select * from {{ ref('stg_nexacloud__invoices') }}

),

-- A number is a series and a count: NC-2026-0007. Every status has its number, void ones included.
numbered as (

    select
        invoice_id,
        invoice_number,
        user_id as external_customer_id,
        external_subscription_id,
        issued_at,
        currency,
        regexp_replace(invoice_number, '[0-9]+$', '') as series,
        substring(invoice_number from '[0-9]+$')::numeric as ordinal
    from invoices
    where invoice_number ~ '[0-9]+$'

),

followed as (

    select
        *,
        lag(ordinal) over (partition by series order by ordinal, issued_at) as earlier_ordinal,
        lag(invoice_number) over (partition by series order by ordinal, issued_at)
            as earlier_number
    from numbered

),

gaps as (

    select
        'number_gap' as finding,
        invoice_id,
        invoice_number,
        external_customer_id,
        external_subscription_id,
        issued_at,
        currency,
        null::numeric as difference_amount,
        (ordinal - earlier_ordinal - 1) || ' number(s) are missing between ' || earlier_number
        || ' and ' || invoice_number as description
    from followed
    where ordinal - earlier_ordinal > 1

),

repeated_numbers as (

    select
        'duplicate_number' as finding,
        invoice_id,
        invoice_number,
        external_customer_id,
        external_subscription_id,
        issued_at,
        currency,
        null::numeric as difference_amount,
        'the number ' || invoice_number || ' was given more than once' as description
    from followed
    where ordinal = earlier_ordinal

),

final as (

    select * from gaps
    union all
    select * from repeated_numbers

)

select * from final
