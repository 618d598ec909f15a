{{ config(post_hook='analyze {{ this }}') }}

with candidates as (

    select * from {{ ref('int_product_candidates') }}

),

products as (

    select * from {{ ref('stg_snapshots__odoo_product_product') }}

),

-- The first load, but for what was already gone when its history began: that was seen as it went.
first_load as (

    select min(seen_at) as seen_at
    from products
    where valid_until is null or valid_until > seen_at + interval '1 second'

),

-- What the first load found has always been there; a product that came later counts from then on.
dated_products as (

    select
        products.product_id,
        products.product_code,
        coalesce(products.is_active, true) and not products.is_deleted as is_active,
        case
            when products.version_number = 1 and products.seen_at <= first_load.seen_at
                then '-infinity'
            else products.valid_from
        end as valid_from,
        products.valid_until
    from products
    cross join first_load

),

carriers as (

    select *
    from dated_products
    where is_active and product_code is not null

),

-- A code that two active products carry names neither of them.
changes as (

    select
        product_code,
        '-infinity'::timestamptz as valid_from
    from candidates
    union
    select
        carriers.product_code,
        change.changed_at as valid_from
    from carriers
    cross join lateral (values (carriers.valid_from), (carriers.valid_until)) as change (changed_at)
    where change.changed_at is not null

),

code_spans as (

    select
        *,
        lead(valid_from) over (partition by product_code order by valid_from) as valid_until
    from changes

),

products_by_code as (

    select
        code_spans.product_code,
        code_spans.valid_from,
        code_spans.valid_until,
        min(carriers.product_id) as product_id
    from code_spans
    inner join carriers
        on
            code_spans.product_code = carriers.product_code
            and {{ in_force_at('carriers', 'code_spans.valid_from') }}
    group by code_spans.product_code, code_spans.valid_from, code_spans.valid_until
    having count(*) = 1

),

charge_spans as (

    select
        *,
        lead(valid_from) over (
            partition by service, plan_code, charge order by valid_from
        ) as valid_until
    from (
        select distinct
            candidates.service,
            candidates.plan_code,
            candidates.charge,
            code_spans.valid_from
        from candidates
        inner join code_spans on candidates.product_code = code_spans.product_code
    ) as charge_changes

),

ranked as (

    select distinct on (
        charge_spans.service, charge_spans.plan_code, charge_spans.charge, charge_spans.valid_from
    )
        charge_spans.service,
        charge_spans.plan_code,
        charge_spans.charge,
        charge_spans.valid_from,
        charge_spans.valid_until,
        candidates.product_code,
        products_by_code.product_id
    from charge_spans
    inner join candidates
        on
            charge_spans.service = candidates.service
            and charge_spans.plan_code = candidates.plan_code
            and charge_spans.charge = candidates.charge
    left join products_by_code
        on
            candidates.product_code = products_by_code.product_code
            and {{ in_force_at('products_by_code', 'charge_spans.valid_from') }}
    order by
        charge_spans.service, charge_spans.plan_code, charge_spans.charge,
        charge_spans.valid_from, (products_by_code.product_id is null)::int,
        candidates.candidate_rank

),

-- A time in which no product was found says nothing: one that was entered later counts for it too.
final as (

    select
        service,
        plan_code,
        charge,
        coalesce(
            lag(valid_until) over (
                partition by service, plan_code, charge order by valid_from
            ), '-infinity'
        ) as valid_from,
        valid_until,
        product_code,
        product_id
    from ranked
    where product_id is not null or valid_until is null

)

select * from final
