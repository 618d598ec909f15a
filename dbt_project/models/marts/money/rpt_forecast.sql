-- What the running period comes to if usage goes on as it did: every charge is rated once more, with the
-- usage that its pace leads to.
with rated_lines as (

    select * from {{ ref('int_rated_lines') }}

),

periods as (

    select * from {{ ref('int_subscription_periods') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

-- What a minimum asks beyond the usage is a line of its own; here it is rated again with its charge.
charges as (

    select
        rated_lines.*,
        case when kind = 'usage' then quantity else 0 end as used_quantity,
        sum(case when kind = 'minimum' then amount end) over (
            partition by subscription_id, period_type, segment_start, charge
        ) as minimum_shortfall_amount
    from rated_lines
    where service_period_start <= {{ as_of() }} and service_period_end > {{ as_of() }}

),

-- What is added up goes on at its pace until its segment ends; a maximum, a last value and a count of
-- different things stay as they are.
paced as (

    select
        charges.*,
        charges.used_quantity as so_far_quantity,
        charges.amount + coalesce(charges.minimum_shortfall_amount, 0) as so_far_amount,
        case
            when
                charges.aggregation in ('sum', 'count')
                and charges.segment_start < {{ as_of() }} and charges.segment_end > {{ as_of() }}
                then round({{ exact_divide(
                    'charges.used_quantity * ' ~ seconds_between('charges.segment_start', 'charges.segment_end'),
                    seconds_between('charges.segment_start', as_of())
                ) }}, 6)
            else charges.used_quantity
        end as expected_quantity
    from charges
    where kind <> 'minimum'

),

inputs as (

    select
        service,
        subscription_id,
        external_subscription_id,
        external_customer_id,
        period_type,
        service_period_start as period_start,
        service_period_end as period_end,
        segment_start,
        segment_end,
        plan_code,
        is_trial,
        fraction_numerator,
        fraction_denominator,
        charge,
        kind as charge_kind,
        metric,
        charge_model,
        currency,
        base_fee,
        price_per_unit as unit_price,
        full_included_quantity as included_quantity,
        minimum_amount,
        maximum_amount,
        package_size,
        rate_percent,
        tiers,
        discount,
        decimals,
        so_far_quantity,
        so_far_amount,
        expected_quantity as used_quantity
    from paced

),

expected as (

    select * from {{ rate_charges('inputs') }} as rated

),

-- A fee of another interval than a month counts with its part of one.
monthly as (

    select
        expected.*,
        {{ months_of_days('(periods.full_end_on - periods.full_start_on)') }} as month_count
    from expected
    inner join periods
        on
            expected.subscription_id = periods.subscription_id
            and expected.period_type = periods.period_type
            and expected.period_start = periods.period_start

),

totals as (

    select
        service,
        subscription_id,
        external_subscription_id,
        external_customer_id,
        currency,
        (array_agg(plan_code order by segment_start desc))[1] as plan_code,
        min(period_start) filter (where period_type <> 'base') as period_start,
        max(period_end) filter (where period_type <> 'base') as period_end,
        sum(
            case charge_kind
                when 'base'
                    then round({{ exact_divide('amount', 'month_count') }}, decimals)
                else 0
            end
        ) as base_amount,
        coalesce(sum(so_far_amount) filter (where charge_kind = 'usage'), 0)
            as usage_so_far_amount,
        coalesce(
            sum(amount + coalesce(minimum_shortfall_amount, 0)) filter (where charge_kind = 'usage'),
            0
        ) as usage_amount,
        coalesce(sum(amount) filter (where charge_kind = 'one_off'), 0) as one_off_amount
    from monthly
    group by service, subscription_id, external_subscription_id, external_customer_id, currency

),

-- The period before, of the stream that usage is billed in.
earlier as (

    select
        totals.subscription_id,
        totals.currency,
        sum(rated_lines.amount) as amount
    from totals
    inner join rated_lines
        on
            totals.subscription_id = rated_lines.subscription_id
            and totals.currency = rated_lines.currency
            and totals.period_start = rated_lines.service_period_end
    group by totals.subscription_id, totals.currency

),

final as (

    select
        totals.service,
        totals.external_customer_id,
        customers.customer_name,
        totals.subscription_id,
        totals.external_subscription_id,
        totals.plan_code,
        totals.period_start,
        totals.period_end,
        round(100 * {{ seconds_between('totals.period_start', as_of()) }}
        / {{ seconds_between('totals.period_start', 'totals.period_end') }}, 1) as elapsed_percent,
        totals.currency,
        totals.base_amount,
        totals.usage_so_far_amount,
        totals.usage_amount - totals.usage_so_far_amount as usage_to_come_amount,
        totals.one_off_amount,
        totals.base_amount + totals.usage_amount + totals.one_off_amount as forecast_amount,
        coalesce(earlier.amount, 0) as earlier_amount
    from totals
    left join earlier
        on
            totals.subscription_id = earlier.subscription_id
            and totals.currency = earlier.currency
    left join customers
        on
            totals.service = customers.service
            and totals.external_customer_id = customers.external_customer_id

)

select * from final
