-- A graduated charge without tiers rates to nothing, a package without a size stops the night: a
-- price book is edited by hand, so it is read for what it forgets before it is used.
with charges as (

    select
        *,
        coalesce(charge, metric, 'base') as charge_name
    from {{ ref('charges') }}

),

metrics as (

    select * from {{ ref('int_metrics') }}

),

tier_counts as (

    select
        service,
        plan_code,
        charge,
        valid_from,
        count(*) as tiers
    from {{ ref('charge_tiers') }}
    group by service, plan_code, charge, valid_from

),

joined as (

    select
        charges.*,
        coalesce(tier_counts.tiers, 0) as tiers
    from charges
    left join tier_counts
        on
            charges.service = tier_counts.service
            and charges.plan_code = tier_counts.plan_code
            and charges.charge_name = tier_counts.charge
            and charges.valid_from is not distinct from tier_counts.valid_from

),

judged as (

    select
        joined.*,
        case
            when joined.metric is null and base_fee is null then 'neither base_fee nor metric'
            when charge_model in ('graduated', 'volume') and tiers = 0 then 'no tiers'
            when
                joined.metric is not null and unit_price is null
                and coalesce(charge_model, 'per_unit') in ('standard', 'per_unit')
                then 'no unit_price'
            when charge_model = 'package' and (unit_price is null or coalesce(package_size, 0) <= 0)
                then 'no unit_price or package_size'
            when charge_model = 'percentage' and rate_percent is null then 'no rate_percent'
            when charge_model = 'one_off' and joined.metric is not null then 'a metric on a one_off'
            when joined.metric is not null and metrics.aggregation is null then 'unknown metric'
            when minimum > maximum then 'minimum above maximum'
            when valid_from >= valid_to then 'valid_to is not after valid_from'
        end as problem
    from joined
    left join metrics on joined.service = metrics.service and joined.metric = metrics.metric

),

numbered as (

    select
        *,
        row_number() over (order by service, plan_code, charge, valid_from_at) as row_number
    from {{ ref('int_price_book') }}

)

select
    service,
    plan_code,
    charge_name,
    valid_from,
    problem
from judged
where problem is not null
union all
select
    tiers.service,
    tiers.plan_code,
    tiers.charge,
    tiers.valid_from,
    'tier without a charge'
from {{ ref('charge_tiers') }} as tiers
left join charges
    on
        tiers.service = charges.service
        and tiers.plan_code = charges.plan_code
        and tiers.charge = charges.charge_name
        and tiers.valid_from is not distinct from charges.valid_from
where charges.service is null
union all
-- A row may hold a fee and a charge on usage, and neither needs a name: what counts is what the book
-- makes of its rows. Of two prices at once rating would take one and forget the other.
select
    earlier.service,
    earlier.plan_code,
    earlier.charge as charge_name,
    later.valid_from,
    'two prices at once' as problem
from numbered as earlier
inner join numbered as later
    on
        earlier.service = later.service
        and earlier.plan_code = later.plan_code
        and earlier.charge = later.charge
        and earlier.row_number < later.row_number
        and coalesce(earlier.valid_from_at, '-infinity') < coalesce(later.valid_until_at, 'infinity')
        and coalesce(later.valid_from_at, '-infinity') < coalesce(earlier.valid_until_at, 'infinity')
