{{ config(indexes=[{'columns': ['subscription_id', 'period_start']}]) }}

with sides as (

    select * from {{ ref('int_reconciliation_sides') }}

),

explanations as (

    select * from {{ ref('int_reconciliation_explanations') }}

),

causes as (

    select * from {{ ref('causes') }}

),

final as (

    select
        sides.service,
        sides.subscription_id,
        sides.external_subscription_id,
        sides.period_start,
        sides.period_end,
        explanations.cause,
        causes.cause_order,
        explanations.variant,
        explanations.amount,
        sides.currency,
        explanations.evidence,
        explanations.sentence
    from explanations
    inner join sides
        on
            explanations.subscription_id = sides.subscription_id
            and explanations.period_start = sides.period_start
            and explanations.period_end = sides.period_end
    inner join causes on explanations.cause = causes.cause

)

select * from final
