{{ config(post_hook='analyze {{ this }}') }}

with rests as (

    select * from {{ ref('int_reconciliation_rests') }}

),

bridges as (

    select distinct rest_number
    from {{ ref('int_reconciliation_bridges') }}

),

lines as (

    select *
    from {{ ref('int_rated_lines') }}
    where kind = 'base' or (kind = 'usage' and charge_model = 'per_unit')

),

charges as (

    select *
    from {{ ref('int_app_charges_by_period') }}
    where item_kind in ('base', 'proration', 'usage') and quantity is not null

),

findings as (

    select *
    from {{ ref('int_app_invoice_findings') }}
    where (is_counted and not is_duplicate) or is_unreplaced_void

),

-- Each item beside the line of its kind that it overlaps most.
final as (

    select distinct on (charges.charge_id)
        charges.charge_id,
        rests.rest_number,
        rests.decimals,
        charges.invoice_number,
        charges.quantity as item_quantity,
        charges.unit_price as item_unit_price,
        lines.unit_price as our_unit_price,
        case
            when lines.kind = 'usage' then lines.billable_quantity
            else lines.fraction_numerator / lines.fraction_denominator
        end as our_quantity
    from rests
    inner join charges
        on
            rests.subscription_id = charges.subscription_id
            and rests.period_start = charges.period_start
            and rests.period_end = charges.period_end
    inner join findings
        on
            charges.invoice_id = findings.invoice_id
            and charges.period_start = findings.period_start
            and charges.period_end = findings.period_end
    inner join lines
        on
            rests.subscription_id = lines.subscription_id
            and rests.period_start = lines.service_period_start
            and rests.period_end = lines.service_period_end
            and (charges.item_kind = 'usage') = (lines.kind = 'usage')
    left join bridges on rests.rest_number = bridges.rest_number
    where bridges.rest_number is null
    order by
        charges.charge_id asc,
        least(lines.segment_end, charges.charge_end)
        - greatest(lines.segment_start, charges.charge_start) desc,
        lines.segment_start

)

select * from final
