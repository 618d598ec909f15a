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

claims as (

    select * from {{ ref('int_reconciliation_claims') }}

),

unpublished as (

    select * from {{ ref('int_reconciliation_unpublished') }}

),

rests as (

    select * from {{ ref('int_reconciliation_rests') }}

),

told_bridges as (

    select * from {{ ref('int_reconciliation_told_bridges') }}

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
