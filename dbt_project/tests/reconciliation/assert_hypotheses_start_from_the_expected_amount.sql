-- Exists for the failure in which the hypotheses rate a key in another way than its lines do: with
-- nothing supposed they must arrive at the very amount that is expected.
with ratings as (

    select * from {{ ref('int_hypothesis_ratings') }}

),

differences as (

    select * from {{ ref('int_open_differences') }}

)

select
    differences.subscription_id,
    differences.period_start,
    differences.expected_amount,
    ratings.rated_amount
from differences
left join ratings
    on differences.difference_number = ratings.difference_number and ratings.set_key = 0
where ratings.rated_amount is distinct from differences.expected_amount
