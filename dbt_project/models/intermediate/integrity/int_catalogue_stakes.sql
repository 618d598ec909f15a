{{ config(post_hook='analyze {{ this }}') }}

-- What it would change this month if another source's price of a charge were the right one.
with lines as (

    select *
    from {{ ref('int_rated_lines') }}
    where
        kind in ('base', 'usage')
        and charge_model in ('flat', 'per_unit')
        and not is_trial
        and service_period_start <= {{ as_of() }}
        and service_period_end > {{ as_of() }}

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

prices as (

    select *
    from {{ ref('int_catalogue_prices') }}
    where charge_model in ('flat', 'per_unit')

),

compared as (

    select
        lines.service,
        lines.plan_code,
        lines.charge,
        lines.subscription_id,
        lines.line_key,
        max({{ decimals_of('currencies') }}) as decimals,
        max(abs(
            lines.exact_amount - case
                when lines.kind = 'base'
                    then
                        prices.highest_price * lines.fraction_numerator / lines.fraction_denominator
                else prices.highest_price * greatest(
                    lines.quantity - prices.included_quantity * lines.fraction_numerator
                    / lines.fraction_denominator, 0
                )
            end
        )) as stake_amount
    from lines
    inner join prices
        on
            lines.service = prices.service
            and lines.plan_code = prices.plan_code
            and lines.charge = prices.charge
    left join currencies on lines.currency = currencies.currency_code
    group by
        lines.service, lines.plan_code, lines.charge, lines.subscription_id, lines.line_key

),

final as (

    select
        service,
        plan_code,
        charge,
        count(distinct subscription_id) as subscription_count,
        {{ round_money('sum(stake_amount)', 'max(decimals)') }} as stake_amount
    from compared
    group by service, plan_code, charge

)

select * from final
