{{ config(post_hook='analyze {{ this }}') }}

-- Every cent of a subscription's invoice: its items, and what the header has beyond them.
with invoices as (

    select *
    from {{ ref('stg_nexacloud__invoices') }}
    where external_subscription_id is not null

),

items as (

    select * from {{ ref('stg_nexacloud__invoice_items') }}

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

itemised as (

    select
        items.invoice_id,
        items.invoice_item_id as charge_id,
        items.item_kind,
        items.period_start,
        items.period_end,
        items.description,
        items.quantity,
        items.unit_price,
        items.amount
    from items

),

item_totals as (

    select
        invoices.invoice_id,
        invoices.subtotal_amount,
        invoices.tax_amount,
        coalesce(sum(items.amount) filter (where items.item_kind <> 'tax'), 0) as net_amount,
        coalesce(sum(items.amount) filter (where items.item_kind = 'tax'), 0) as item_tax_amount
    from invoices
    left join items on invoices.invoice_id = items.invoice_id
    group by invoices.invoice_id, invoices.subtotal_amount, invoices.tax_amount

),

-- Beyond its items a header's net is either the tax that slipped into it, or nobody knows what.
beyond_items as (

    select
        invoice_id,
        invoice_id || ':net' as charge_id,
        case
            when subtotal_amount - net_amount = item_tax_amount then 'tax_in_net'
            else 'unitemised'
        end as item_kind,
        'net amount beyond the items' as description,
        subtotal_amount - net_amount as amount
    from item_totals
    where subtotal_amount <> net_amount
    union all
    select
        invoice_id,
        invoice_id || ':tax' as charge_id,
        'tax' as item_kind,
        'tax beyond the items' as description,
        tax_amount - item_tax_amount as amount
    from item_totals
    where tax_amount <> item_tax_amount

),

charges as (

    select * from itemised
    union all
    select
        invoice_id,
        charge_id,
        item_kind,
        null::timestamptz as period_start,
        null::timestamptz as period_end,
        description,
        null::numeric as quantity,
        null::numeric as unit_price,
        amount
    from beyond_items

),

final as (

    select
        charges.charge_id,
        'nexacloud' as service,
        'nexacloud:' || invoices.external_subscription_id as subscription_id,
        invoices.external_subscription_id,
        invoices.user_id as external_customer_id,
        invoices.invoice_id,
        invoices.invoice_number,
        invoices.invoice_status,
        invoices.invoice_status in ('open', 'paid', 'uncollectible') as is_counted,
        invoices.issued_at,
        invoices.currency,
        {{ decimals_of('currencies') }} as decimals,
        charges.item_kind,
        charges.description,
        charges.quantity,
        charges.unit_price,
        charges.amount,
        coalesce(charges.period_start, invoices.period_start, invoices.issued_at) as charge_start,
        coalesce(charges.period_end, invoices.period_end, invoices.issued_at) as charge_end
    from charges
    inner join invoices on charges.invoice_id = invoices.invoice_id
    left join currencies on invoices.currency = currencies.currency_code

)

select * from final
