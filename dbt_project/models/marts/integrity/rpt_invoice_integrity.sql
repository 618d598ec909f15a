with invoices as (

    select * from {{ ref('stg_nexacloud__invoices') }}

),

totals as (

    select * from {{ ref('int_invoice_totals') }}

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

repeats as (

    select
        *,
        first_value(invoice_number) over same as original_number,
        row_number() over same as copy_number
    from totals
    where external_subscription_id is not null
    window same as (
        partition by
            external_subscription_id, period_start, period_end, currency, subtotal_amount
        order by issued_at, invoice_number
    )

),

duplicates as (

    select
        'duplicate_invoice' as finding,
        invoice_id,
        invoice_number,
        external_customer_id,
        external_subscription_id,
        issued_at,
        currency,
        subtotal_amount as difference_amount,
        invoice_number
        || ' repeats '
        || original_number
        || ': the same subscription, time and amount'
            as description
    from repeats
    where copy_number > 1

),

wrong_sums as (

    select
        'items_do_not_add_up' as finding,
        invoice_id,
        invoice_number,
        external_customer_id,
        external_subscription_id,
        issued_at,
        currency,
        subtotal_amount + tax_amount - item_net_amount - item_tax_amount as difference_amount,
        'the items add up to ' || {{ round_money('item_net_amount', 'decimals') }}
        || ' and ' || {{ round_money('item_tax_amount', 'decimals') }}
        || ' tax, the invoice says ' || {{ round_money('subtotal_amount', 'decimals') }}
        || ' and ' || {{ round_money('tax_amount', 'decimals') }}
        || ', in all ' || {{ round_money('total_amount', 'decimals') }} as description
    from totals
    where
        subtotal_amount <> item_net_amount
        or tax_amount <> item_tax_amount
        or total_amount <> subtotal_amount + tax_amount

),

wrong_taxes as (

    select
        'tax_is_not_the_province_s' as finding,
        invoice_id,
        invoice_number,
        external_customer_id,
        external_subscription_id,
        issued_at,
        currency,
        province_tax_amount - tax_amount as difference_amount,
        'the tax is ' || {{ round_money('tax_amount', 'decimals') }} || ', '
        || coalesce(partner_province, 'the place')
        || ' asks for ' || province_tax_amount as description
    from totals
    -- The currency's smallest amount is rounding by item instead of by invoice.
    where
        abs(province_tax_amount - tax_amount)
        > {{ smallest_amount('decimals') }} * greatest(item_count, 1)

),

unioned as (

    select * from gaps
    union all
    select * from repeated_numbers
    union all
    select * from duplicates
    union all
    select * from wrong_sums
    union all
    select * from wrong_taxes

),

final as (

    select
        'nexacloud' as service,
        invoice_id,
        invoice_number,
        finding,
        external_customer_id,
        external_subscription_id,
        issued_at,
        currency,
        difference_amount,
        description
    from unioned

)

select * from final
