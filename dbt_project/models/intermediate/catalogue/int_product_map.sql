with candidates as (

    select * from {{ ref('int_product_candidates') }}

),

products as (

    select * from {{ ref('stg_odoo__product_product') }}

),

-- A code that two active products carry names neither of them.
products_by_code as (

    select
        product_code,
        min(product_id) as product_id
    from products
    where coalesce(is_active, true) and product_code is not null
    group by product_code
    having count(*) = 1

),

ranked as (

    select distinct on (candidates.service, candidates.plan_code, candidates.charge)
        candidates.service,
        candidates.plan_code,
        candidates.charge,
        candidates.product_code,
        products_by_code.product_id
    from candidates
    left join products_by_code on candidates.product_code = products_by_code.product_code
    order by
        candidates.service, candidates.plan_code, candidates.charge,
        (products_by_code.product_id is null)::int, candidates.candidate_rank

),

final as (

    select
        service,
        plan_code,
        charge,
        product_code,
        product_id
    from ranked

)

select * from final
