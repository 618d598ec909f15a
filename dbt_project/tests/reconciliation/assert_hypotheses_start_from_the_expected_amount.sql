-- Exists for the failure in which the hypotheses rate a key in another way than its lines do: with
-- nothing supposed they must arrive at the very amount that is expected.
with singles as (

    select * from {{ ref('int_hypothesis_singles') }}

),

rests as (

    select * from {{ ref('int_reconciliation_rests') }}

)

select
    rests.subscription_id,
    rests.period_start,
    rests.expected_amount,
    singles.rated_amount
from singles
inner join rests on singles.rest_number = rests.rest_number
where singles.set_key = 0 and singles.rated_amount <> rests.expected_amount
