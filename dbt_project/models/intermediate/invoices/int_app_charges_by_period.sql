{{ config(post_hook='analyze {{ this }}') }}

-- An app charge belongs to the service period that it overlaps most, the earlier on a tie. A base
-- fee looks for the period of the base, usage for that of usage. What overlaps no period of its
-- subscription keeps its own dates: it was invoiced for time that nobody held.
with charges as (

    select * from {{ ref('int_app_invoice_charges') }}

),

periods as (

    select * from {{ ref('int_subscription_periods') }}

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
