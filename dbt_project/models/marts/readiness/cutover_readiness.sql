{{ config(materialized='view') }}

with currencies as (

    select * from {{ ref('int_currencies') }}

),

facts as (

    select
        readiness_facts.*,
        {{ decimals_of('currencies') }} as decimals
    from {{ ref('int_readiness_facts') }} as readiness_facts
    left join currencies on readiness_facts.currency = currencies.currency_code

),

judged as (

    select
        *,
        has_agreeing_periods and has_identity and has_tax and has_catalogue and has_no_exception
            as is_ready,
        nullif(concat_ws(
            '; ',
            case
                when not has_agreeing_periods and last_status is null
                    then 'no finished period that both sides know'
                when not has_agreeing_periods and last_status = 'explained'
                    then
                        'a person has to accept why '
                        || {{ round_money('last_delta_amount', 'decimals') }} || ' differ'
                when not has_agreeing_periods
                    then
                        agreeing_period_count || ' of ' || required_period_count
                        || ' periods agree (last: ' || replace(last_status, '_', ' ') || ')'
            end,
            case when not has_identity then 'the customer has no certain Odoo partner' end,
            case when not has_tax then 'the taxes of the customer are not resolved' end,
            case
                when not has_catalogue
                    then catalogue_drift_count || ' price(s) of the plan differ between sources'
            end,
            case
                when not has_no_exception
                    then blocking_exception_count || ' blocking exception(s) are open'
            end
        ), '') as missing
    from facts

),

final as (

    select
        service,
        subscription_id,
        external_subscription_id,
        external_customer_id,
        customer_name,
        plan_code,
        is_ready,
        has_agreeing_periods,
        agreeing_period_count,
        required_period_count,
        has_identity,
        identity_certainty,
        has_tax,
        tax_problem,
        has_catalogue,
        catalogue_drift_count,
        has_no_exception,
        blocking_exception_count,
        missing,
        period_start,
        period_end,
        last_status,
        last_delta_amount,
        last_unexplained_amount,
        currency,
        is_gate_open,
        gate_from_period_start
    from judged

)

select * from final
