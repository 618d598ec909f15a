{{ config(post_hook='analyze {{ this }}') }}

-- All that explains a delta, each with a sentence that a person understands without the model.
with sides as (

    select *
    from {{ ref('int_reconciliation_sides') }}
    where not is_other_currency

),

facts as (

    select * from {{ ref('int_reconciliation_facts') }}

),

bridges as (

    select * from {{ ref('int_reconciliation_bridges') }}

),

claims as (

    select * from {{ ref('int_reconciliation_claims') }}

),

unpublished as (

    select * from {{ ref('int_reconciliation_unpublished') }}

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
            round(prices.base_fee, 2) || case segments.segmentation
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
    group by segments.rest_number, segments.segmentation

),

told_bridges as (

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

),

unioned as (

    select
        facts.subscription_id,
        facts.period_start,
        facts.period_end,
        facts.cause,
        null::text as variant,
        facts.amount,
        facts.evidence,
        facts.evidence as sentence
    from facts
    inner join sides
        on
            facts.subscription_id = sides.subscription_id
            and facts.period_start = sides.period_start
            and facts.period_end = sides.period_end
    where not sides.is_billed_compared
    union all
    select * from told_bridges
    union all
    select
        rests.subscription_id,
        rests.period_start,
        rests.period_end,
        claims.cause,
        'item' as variant,
        claims.amount,
        claims.evidence,
        claims.evidence as sentence
    from claims
    inner join rests on claims.rest_number = rests.rest_number
    union all
    select
        subscription_id,
        period_start,
        period_end,
        cause,
        null as variant,
        amount,
        evidence,
        evidence as sentence
    from unpublished

),

final as (

    select
        subscription_id,
        period_start,
        period_end,
        cause,
        variant,
        amount,
        evidence,
        sentence
    from unioned
    where amount <> 0

)

select * from final
