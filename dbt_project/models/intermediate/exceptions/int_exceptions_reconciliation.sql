{{ config(post_hook='analyze {{ this }}') }}

with currencies as (

    select * from {{ ref('int_currencies') }}

),

reconciliation as (

    select
        fct_reconciliation.*,
        {{ decimals_of('currencies') }} as decimals
    from {{ ref('fct_reconciliation') }} as fct_reconciliation
    left join currencies on fct_reconciliation.currency = currencies.currency_code

),

final as (

    select
        case status
            when 'unexplained' then 'reconciliation_unexplained'
            when 'not_comparable' then 'reconciliation_not_comparable'
            when 'missing_expected' then 'invoiced_without_reason'
            when 'missing_actual' then 'not_invoiced'
        end as kind,
        service,
        subscription_id || ' ' || period_start || ' ' || period_end as subject,
        subscription_id,
        external_customer_id,
        period_start,
        currency,
        abs(unexplained_amount) as stake_amount,
        status || ' ' || expected_amount || ' ' || actual_amount || ' ' || billed_amount as facts,
        case status
            when 'missing_actual'
                then
                    'Nobody invoiced ' || {{ round_money('expected_amount', 'decimals') }} || ' ' || currency
            when 'missing_expected'
                then
                    'The app invoiced ' || {{ round_money('actual_amount', 'decimals') }} || ' ' || currency || ' ('
                    || array_to_string(invoice_numbers, ', ') || ') where nothing is expected'
            when 'not_comparable'
                then
                    'The app invoiced in another currency than ' || currency
            else
                'Expected ' || {{ round_money('expected_amount', 'decimals') }} || ', ' || compared_side || ' '
                || {{ round_money(
                    "case compared_side when 'billed' then billed_amount else actual_amount end",
                    'decimals'
                ) }}
                || ': ' || {{ round_money('unexplained_amount', 'decimals') }} || ' ' || currency || ' is unexplained'
        end as description,
        period_end as since_at
    from reconciliation
    where status in ('unexplained', 'not_comparable', 'missing_expected', 'missing_actual')

)

select * from final
