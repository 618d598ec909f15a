{{ config(post_hook='analyze {{ this }}') }}

-- What stands between a fact and its invoice line. Nothing of it waits for an explanation of what was
-- invoiced before: see fct_exceptions for all that a person has to look at.
with unioned as (

    select * from {{ ref('int_exceptions_identity') }}
    union all
    select * from {{ ref('int_exceptions_subscriptions') }}
    union all
    select * from {{ ref('int_exceptions_documents') }}
    union all
    select * from {{ ref('int_exceptions_billed') }}

),

final as (

    select
        {{ exception_keys('unioned') }},
        unioned.*
    from unioned

)

select * from final
