{{ config(post_hook='analyze {{ this }}') }}

-- Every cent of a subscription's invoice: its items, and what the header has beyond them. A charge
-- belongs to the service period that it overlaps most, the earlier on a tie. A base fee looks for the
-- period of the base, usage for that of usage. What overlaps no period of its subscription keeps its
-- own dates: it was invoiced for time that nobody held.
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

periods as (

    select * from {{ ref('int_subscription_periods') }}

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

invoiced as (

    select
        invoice_id,
        invoice_item_id as charge_id,
        item_kind,
        period_start,
        period_end,
        description,
        quantity,
        unit_price,
        amount
    from items
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

charges as (

    select
        invoiced.charge_id,
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
        invoiced.item_kind,
        invoiced.description,
        invoiced.quantity,
        invoiced.unit_price,
        invoiced.amount,
        coalesce(invoiced.period_start, invoices.period_start, invoices.issued_at) as charge_start,
        coalesce(invoiced.period_end, invoices.period_end, invoices.issued_at) as charge_end
    from invoiced
    inner join invoices on invoiced.invoice_id = invoices.invoice_id
    left join currencies on invoices.currency = currencies.currency_code

),

overlapping as (

    select
        charges.charge_id,
        periods.period_type,
        periods.period_start,
        periods.period_end,
        least(periods.period_end, charges.charge_end)
        - greatest(periods.period_start, charges.charge_start) as overlap
    from charges
    inner join periods
        on
            charges.subscription_id = periods.subscription_id
            and (
                charges.charge_end > periods.period_start
                or charges.charge_start = periods.period_start
            )
            and charges.charge_start < periods.period_end
            and (
                periods.period_type = 'all'
                or (
                    periods.period_type = 'base'
                    and charges.item_kind not in ('usage')
                )
                or (
                    periods.period_type = 'usage'
                    and charges.item_kind not in ('base', 'proration')
                )
            )

),

best as (

    select distinct on (charge_id)
        charge_id,
        period_type,
        period_start,
        period_end
    from overlapping
    order by charge_id asc, overlap desc, period_start asc, period_end asc

),

final as (

    select
        charges.charge_id,
        charges.service,
        charges.subscription_id,
        charges.external_subscription_id,
        charges.external_customer_id,
        charges.invoice_id,
        charges.invoice_number,
        charges.invoice_status,
        charges.is_counted,
        charges.issued_at,
        charges.currency,
        charges.decimals,
        charges.item_kind,
        charges.description,
        charges.quantity,
        charges.unit_price,
        charges.amount,
        charges.charge_start,
        charges.charge_end,
        coalesce(best.period_type, 'none') as period_type,
        coalesce(best.period_start, charges.charge_start) as period_start,
        coalesce(best.period_end, charges.charge_end) as period_end
    from charges
    left join best on charges.charge_id = best.charge_id

)

select * from final
