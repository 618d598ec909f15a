-- The smallest set of suppositions that reaches what the app said, as a bridge: what each of them
-- changes after those before it. Of equal sets the one that the listed order prefers.
with singles as (

    select * from {{ ref('int_hypothesis_singles') }}

),

pairs as (

    select * from {{ ref('int_hypothesis_pairs') }}

),

as_it_is as (

    select *
    from singles
    where set_key = 0

),

candidates as (

    select
        singles.subscription_id,
        singles.period_start,
        singles.period_end,
        (singles.set_key > 0)::int as set_size,
        0 as is_idle,
        singles.set_key,
        singles.cause as first_cause,
        singles.variant as first_variant,
        null::text as second_cause,
        null::text as second_variant,
        singles.rated_amount as first_amount,
        singles.rated_amount as reached_amount,
        singles.said_amount
    from singles
    where singles.is_reached
    union all
    select
        pairs.subscription_id,
        pairs.period_start,
        pairs.period_end,
        2 as set_size,
        (firsts.rated_amount = as_it_is.rated_amount)::int as is_idle,
        pairs.set_key,
        pairs.first_cause,
        pairs.first_variant,
        pairs.second_cause,
        pairs.second_variant,
        firsts.rated_amount as first_amount,
        pairs.rated_amount as reached_amount,
        pairs.said_amount
    from pairs
    inner join singles as firsts
        on
            pairs.subscription_id = firsts.subscription_id
            and pairs.period_start = firsts.period_start
            and pairs.period_end = firsts.period_end
            and pairs.first_key = firsts.set_key
    inner join as_it_is
        on
            pairs.subscription_id = as_it_is.subscription_id
            and pairs.period_start = as_it_is.period_start
            and pairs.period_end = as_it_is.period_end
    where pairs.is_reached

),

chosen as (

    select distinct on (candidates.subscription_id, candidates.period_start, candidates.period_end)
        candidates.*,
        as_it_is.rated_amount as expected_amount
    from candidates
    inner join as_it_is
        on
            candidates.subscription_id = as_it_is.subscription_id
            and candidates.period_start = as_it_is.period_start
            and candidates.period_end = as_it_is.period_end
    order by
        candidates.subscription_id, candidates.period_start, candidates.period_end,
        candidates.set_size, candidates.is_idle, candidates.set_key

),

steps as (

    select
        chosen.*,
        step.cause,
        step.variant,
        step.from_amount,
        step.to_amount
    from chosen
    cross join lateral (
        values
        (first_cause, first_variant, expected_amount, first_amount),
        (second_cause, second_variant, first_amount, reached_amount),
        ('rounding', null, reached_amount, said_amount)
    ) as step (cause, variant, from_amount, to_amount)
    where step.cause is not null and step.from_amount <> step.to_amount

),

final as (

    select
        subscription_id,
        period_start,
        period_end,
        cause,
        variant,
        from_amount,
        to_amount,
        from_amount - to_amount as amount
    from steps

)

select * from final
