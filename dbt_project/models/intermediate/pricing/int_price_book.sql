-- What the price book is held against before anything is rated by it:
-- depends_on: {{ ref('charge_models') }}, {{ ref('metrics') }}, {{ ref('stg_snapshots__nexacloud_plans') }}
-- depends_on: {{ ref('stg_snapshots__odoo_fusion_billing_charge') }}, {{ ref('stg_odoo__res_currency') }}
-- depends_on: {{ ref('stg_odoo__fusion_billing_service') }}
-- depends_on: {{ ref('stg_snapshots__odoo_fusion_billing_metric') }}
-- depends_on: {{ ref('stg_snapshots__odoo_sale_subscription_plan') }}
with charges as (

    select * from {{ ref('charges') }}

),

policies as (

    select * from {{ ref('int_service_policies') }}

),

tiers as (

    select * from {{ ref('charge_tiers') }}

),

-- A tier begins where the one before it ends; the last one is open, whatever it says.
bounded_tiers as (

    select
        *,
        coalesce(lag(tier_to) over by_bound, 0) as tier_from,
        row_number() over by_bound as tier_number,
        lead(1) over by_bound is null as is_last_tier
    from tiers
    window by_bound as (
        partition by service, plan_code, charge, valid_from
        order by tier_to nulls last
    )

),

tier_lists as (

    select
        service,
        plan_code,
        charge,
        valid_from,
        jsonb_agg(
            jsonb_build_object(
                'from', tier_from,
                'to', case when not is_last_tier then tier_to end,
                'unit_price', coalesce(unit_price, 0),
                'flat_fee', coalesce(flat_fee, 0)
            )
            order by tier_number
        ) as tiers
    from bounded_tiers
    group by service, plan_code, charge, valid_from

),

-- A day of the book is a day of the zone that the service was in on that day.
dated as (

    select
        charges.*,
        tier_lists.tiers,
        {{ day_start('charges.valid_from', 'first_policies.timezone') }} as valid_from_at,
        {{ day_start('charges.valid_to', 'last_policies.timezone') }} as valid_until_at
    from charges
    inner join policies as first_policies
        on
            charges.service = first_policies.service
            and coalesce(charges.valid_from, '-infinity')
            >= coalesce(first_policies.valid_from, '-infinity')
            and coalesce(charges.valid_from, '-infinity')
            < coalesce(first_policies.valid_until, 'infinity')
    inner join policies as last_policies
        on
            charges.service = last_policies.service
            and coalesce(charges.valid_to, '-infinity')
            >= coalesce(last_policies.valid_from, '-infinity')
            and coalesce(charges.valid_to, '-infinity')
            < coalesce(last_policies.valid_until, 'infinity')
    left join tier_lists
        on
            charges.service = tier_lists.service
            and charges.plan_code = tier_lists.plan_code
            and coalesce(charges.charge, charges.metric, 'base') = tier_lists.charge
            and charges.valid_from is not distinct from tier_lists.valid_from

),

-- One row of the book may hold a fee per period and a charge on usage: two charges.
base_fees as (

    select
        service,
        plan_code,
        case when metric is null then coalesce(charge, 'base') else 'base' end as charge,
        case when charge_model = 'one_off' then 'one_off' else 'base' end as charge_kind,
        null::text as metric,
        'flat' as charge_model,
        upper(currency) as currency,
        base_fee,
        null::numeric as unit_price,
        0::numeric as included_quantity,
        null::numeric as minimum_amount,
        null::numeric as maximum_amount,
        null::numeric as package_size,
        null::numeric as rate_percent,
        null::jsonb as tiers,
        valid_from_at,
        valid_until_at,
        valid_from
    from dated
    where base_fee is not null

),

usage_charges as (

    select
        service,
        plan_code,
        coalesce(charge, metric) as charge,
        'usage' as charge_kind,
        metric,
        case
            when charge_model = 'standard' then 'per_unit'
            else coalesce(charge_model, 'per_unit')
        end as charge_model,
        upper(currency) as currency,
        null::numeric as base_fee,
        coalesce(unit_price, 0) as unit_price,
        coalesce(included_quantity, 0) as included_quantity,
        minimum as minimum_amount,
        maximum as maximum_amount,
        package_size,
        rate_percent,
        tiers,
        valid_from_at,
        valid_until_at,
        valid_from
    from dated
    where metric is not null

),

final as (

    select * from base_fees
    union all
    select * from usage_charges

)

select * from final
