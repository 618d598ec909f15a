{{ config(post_hook='analyze {{ this }}') }}

-- Each step of a bridge in plain words.
with bridges as (

    select * from {{ ref('int_reconciliation_bridges') }}

),

rests as (

    select * from {{ ref('int_reconciliation_rests') }}

),

services as (

    select * from {{ ref('int_services') }}

),

segments as (

    select *
    from {{ ref('int_hypothesis_segments') }}
    where plan_variant = 'held' and not is_trial

),

prices as (

    select *
    from {{ ref('int_hypothesis_prices') }}
    where price_variant = 'own' and charge_kind = 'base' and charge = 'base'

),

-- The app's arithmetic of a prorated base fee: 200.00 x 33 h / 720 h.
shares as (

    select
        segments.rest_number,
        segments.segmentation,
        string_agg(
            {{ round_money('prices.base_fee', 'rests.decimals') }} || case segments.segmentation
                when 'second'
                    then
                        ' x ' || trim_scale(round(segments.numerator / 3600, 2)) || ' h / '
                        || trim_scale(round(segments.denominator / 3600, 2)) || ' h'
                else ' x ' || segments.numerator || ' / ' || segments.denominator || ' days'
            end, ' + '
            order by segments.segment_start
        ) as arithmetic
    from segments
    inner join prices on segments.segment_number = prices.segment_number
    inner join rests on segments.rest_number = rests.rest_number
    group by segments.rest_number, segments.segmentation

),

final as (

    select
        rests.subscription_id,
        rests.period_start,
        rests.period_end,
        bridges.cause,
        bridges.variant,
        bridges.amount,
        'invoice ' || array_to_string(rests.invoice_numbers, ', ') as evidence,
        {{ cause_sentence() }} as sentence
    from bridges
    inner join rests on bridges.rest_number = rests.rest_number
    inner join services on rests.service = services.service
    left join shares
        on
            bridges.rest_number = shares.rest_number
            and bridges.cause = 'proration'
            and bridges.variant = shares.segmentation

)

select * from final
