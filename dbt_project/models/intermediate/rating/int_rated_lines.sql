{{
    config(
        indexes=[
            {'columns': ['line_key']},
            {'columns': ['subscription_id', 'service_period_start']},
        ],
        post_hook="{{ analyze_keys('line_key, subscription_id, service_period_start, currency, charge, kind, metric') }}"
    )
}}

with rated as (

    select * from {{ ref('int_rated_charges') }}

),

charged as (

    select
        *,
        charge_kind as kind,
        case when charge_kind = 'usage' then used_quantity else 1 end as quantity,
        case when charge_kind = 'usage' then prorated_included_quantity else 0 end
            as line_included_quantity,
        case when charge_kind = 'usage' then billable_quantity else 1 end as line_billable_quantity,
        case when charge_kind = 'usage' then unit_price else base_fee end as line_unit_price,
        exact_amount as line_exact_amount,
        amount as line_amount
    from rated

),

-- What a minimum asks beyond the usage is a line of its own.
shortfalls as (

    select
        *,
        'minimum' as kind,
        1::numeric as quantity,
        0::numeric as line_included_quantity,
        1::numeric as line_billable_quantity,
        minimum_amount as line_unit_price,
        minimum_exact_amount as line_exact_amount,
        minimum_shortfall_amount as line_amount
    from rated
    where minimum_exact_amount is not null

),

lines as (

    select * from charged
    union all
    select * from shortfalls

),

final as (

    select
        {{ hash_key([
            'service', 'external_subscription_id', iso_utc('period_start'), 'kind', 'charge',
            iso_utc('segment_start'), "''", '0',
        ]) }} as line_key,
        service,
        subscription_id,
        external_subscription_id,
        external_customer_id,
        currency,
        period_type,
        period_start as service_period_start,
        period_end as service_period_end,
        segment_start,
        segment_end,
        plan_id,
        plan_code,
        plan_name,
        is_trial,
        kind,
        charge,
        metric,
        unit_name,
        charge_model,
        aggregation,
        record_count,
        quantity,
        line_included_quantity as included_quantity,
        line_billable_quantity as billable_quantity,
        line_unit_price as unit_price,
        proration,
        fraction_numerator,
        fraction_denominator,
        case when kind <> 'minimum' then discount end as discount,
        case when kind <> 'minimum' then discount_exact_amount end as discount_exact_amount,
        line_exact_amount as exact_amount,
        line_amount as amount,
        price_source,
        price_version,
        is_assumed_price,
        concat_ws(
            '; ',
            case kind
                when 'minimum' then 'minimum spend'
                when 'usage' then charge_model
                else kind
            end,
            case
                when is_trial then 'trial, not charged'
                when kind = 'one_off' then 'once'
                else proration || ' ' || fraction_numerator || '/' || fraction_denominator
            end,
            case when kind <> 'minimum' then {{ discount_text() }} end,
            price_version
        ) as rule
    from lines

)

select * from final
