{{ config(post_hook='analyze {{ this }}') }}

-- The app's own quantity of each segment: every usage item lies in the segment that it overlaps
-- most, and measures the metric that it names, or the only one that the plan charges.
with segments as (

    select *
    from {{ ref('int_hypothesis_segments') }}
    where not is_trial and period_type in ('all', 'usage')

),

prices as (

    select *
    from {{ ref('int_hypothesis_prices') }}
    where charge_kind = 'usage' and price_variant = 'own'

),

charges as (

    select *
    from {{ ref('int_app_charges_by_period') }}
    where item_kind = 'usage' and quantity is not null

),

findings as (

    select *
    from {{ ref('int_app_invoice_findings') }}
    where (is_counted and not is_duplicate) or is_unreplaced_void

),

rests as (

    select * from {{ ref('int_reconciliation_rests') }}

),

items as (

    select
        charges.*,
        rests.rest_number
    from charges
    inner join rests
        on
            charges.subscription_id = rests.subscription_id
            and charges.period_start = rests.period_start
            and charges.period_end = rests.period_end
    inner join findings
        on
            charges.invoice_id = findings.invoice_id
            and charges.period_start = findings.period_start
            and charges.period_end = findings.period_end

),

placed as (

    select distinct on (items.charge_id, segments.segmentation, segments.plan_variant)
        items.charge_id,
        items.description,
        items.quantity,
        segments.segmentation,
        segments.plan_variant,
        segments.segment_number
    from items
    inner join segments on items.rest_number = segments.rest_number
    order by
        items.charge_id asc, segments.segmentation asc, segments.plan_variant asc,
        least(segments.segment_end, items.charge_end)
        - greatest(segments.segment_start, items.charge_start) desc,
        segments.segment_start

),

measured as (

    select
        placed.*,
        prices.metric,
        row_number() over (
            partition by placed.charge_id, placed.segmentation, placed.plan_variant
            order by
                (
                    coalesce(placed.description, '')
                    not ilike '%' || replace(prices.metric, '_', '%') || '%'
                )::int,
                prices.metric
        ) as metric_rank
    from placed
    inner join prices on placed.segment_number = prices.segment_number

),

final as (

    select
        segment_number,
        metric,
        sum(quantity) as said_quantity
    from measured
    where metric_rank = 1
    group by segment_number, metric

)

select * from final
