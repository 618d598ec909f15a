{{ config(post_hook='analyze {{ this }}') }}

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
        singles.rest_number,
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
        pairs.rest_number,
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
            pairs.rest_number = firsts.rest_number
            and pairs.first_key = firsts.set_key
    inner join as_it_is on pairs.rest_number = as_it_is.rest_number
    where pairs.is_reached

),

chosen as (

    select distinct on (candidates.rest_number)
        candidates.*,
        as_it_is.rated_amount as expected_amount
    from candidates
    inner join as_it_is on candidates.rest_number = as_it_is.rest_number
    order by
        candidates.rest_number,
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
    cross join
        lateral (
            values
            (first_cause, first_variant, expected_amount, first_amount),
            (second_cause, second_variant, first_amount, reached_amount),
            ('rounding', null, reached_amount, said_amount)
        ) as step (cause, variant, from_amount, to_amount)
    where step.cause is not null and step.from_amount <> step.to_amount

),

final as (

    select
        rest_number,
        cause,
        variant,
        from_amount,
        to_amount,
        from_amount - to_amount as amount
    from steps

)

select * from final
