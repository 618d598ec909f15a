{{ config(indexes=[{'columns': ['month_end_on']}]) }}

-- What stands between what was earned and what was invoiced when a month ended. A month that is settled
-- makes no row.
with rated_lines as (

    select *
    from {{ ref('int_rated_lines') }}
    where amount <> 0

),

app_charges as (

    select *
    from {{ ref('int_app_charges') }}
    where is_counted and item_kind <> 'tax'

),

published_lines as (

    select *
    from {{ ref('int_published_lines') }}
    where is_confirmed and move_state = 'posted'

),

moves as (

    select
        move_id,
        invoice_on
    from {{ ref('stg_odoo__account_move') }}
    where deleted_at is null

),

services as (

    select * from {{ ref('int_services') }}

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

subscriptions as (

    select
        subscription_id,
        external_customer_id
    from {{ ref('int_subscriptions') }}

),

-- A fee that is charged once is earned at once; everything else day by day, over the days it is for.
earned as (

    select
        rated_lines.service,
        rated_lines.subscription_id,
        rated_lines.currency,
        rated_lines.service_period_start as period_start,
        rated_lines.service_period_end as period_end,
        {{ local_date('rated_lines.segment_start', 'services.timezone') }} as earned_from_on,
        case
            when rated_lines.kind = 'one_off'
                then {{ local_date('rated_lines.segment_start', 'services.timezone') }} + 1
            else {{ local_date("rated_lines.segment_end - interval '1 microsecond'", 'services.timezone') }} + 1
        end as earned_until_on,
        rated_lines.amount,
        0::numeric as invoiced_amount,
        null::date as invoiced_on
    from rated_lines
    inner join services on rated_lines.service = services.service

),

invoiced as (

    select
        app_charges.service,
        app_charges.subscription_id,
        app_charges.currency,
        app_charges.period_start,
        app_charges.period_end,
        null::date as earned_from_on,
        null::date as earned_until_on,
        0::numeric as amount,
        app_charges.amount as invoiced_amount,
        {{ local_date('app_charges.issued_at', 'services.timezone') }} as invoiced_on
    from app_charges
    inner join services on app_charges.service = services.service
    union all
    select
        published_lines.service,
        published_lines.subscription_id,
        published_lines.currency,
        coalesce(published_lines.corrects_period_start, published_lines.service_period_start)
            as period_start,
        published_lines.service_period_end as period_end,
        null::date as earned_from_on,
        null::date as earned_until_on,
        0::numeric as amount,
        published_lines.billed_amount as invoiced_amount,
        moves.invoice_on as invoiced_on
    from published_lines
    inner join moves on published_lines.odoo_move_id = moves.move_id

),

facts as (

    select * from earned
    union all
    select * from invoiced

),

-- From the month in which a period begins to the one in which it is settled; to the last one, where it is not.
spanned as (

    select
        *,
        greatest(
            max(earned_until_on - 1) over whole_period, max(invoiced_on) over whole_period
        ) as last_on,
        min(least(earned_from_on, invoiced_on)) over whole_period as first_on,
        sum(amount - invoiced_amount) over whole_period = 0 as is_settled
    from facts
    window whole_period as (partition by subscription_id, currency, period_start, period_end)

),

month_ends as (

    select
        spanned.*,
        {{ decimals_of('currencies') }} as decimals,
        ends.month_end_on
    from spanned
    inner join services on spanned.service = services.service
    left join currencies on spanned.currency = currencies.currency_code
    cross join lateral (
        select (month + interval '1 month' - interval '1 day')::date as month_end_on
        from generate_series(
            greatest(
                date_trunc('month', spanned.first_on::timestamp),
                date_trunc('month', {{ local_date(as_of(), 'services.timezone') }}::timestamp)
                - {{ var('unbilled_months', 13) }} * interval '1 month'
            ),
            least(
                date_trunc('month', {{ local_date(as_of(), 'services.timezone') }}::timestamp)
                - interval '1 month',
                case
                    when spanned.is_settled then date_trunc('month', spanned.last_on::timestamp)
                end
            ),
            interval '1 month'
        ) as month
    ) as ends

),

-- Each line is rounded once, at its part.
parts as (

    select
        service,
        subscription_id,
        currency,
        period_start,
        period_end,
        month_end_on,
        sum(amount) as full_amount,
        sum(
            case
                when earned_from_on is null or earned_from_on > month_end_on then 0
                when earned_until_on <= month_end_on + 1 then amount
                else {{ round_money(
                    'amount * (month_end_on + 1 - earned_from_on) / (earned_until_on - earned_from_on)',
                    'decimals'
                ) }}
            end
        ) as earned_amount,
        sum(case when invoiced_on <= month_end_on then invoiced_amount else 0 end)
            as invoiced_amount
    from month_ends
    group by service, subscription_id, currency, period_start, period_end, month_end_on

),

-- Invoiced before it is earned is deferred as far as it will be earned; the rest is too much.
split as (

    select
        *,
        greatest(earned_amount - invoiced_amount, 0) as accrued_amount,
        least(
            greatest(invoiced_amount - earned_amount, 0), greatest(full_amount - earned_amount, 0)
        ) as deferred_amount
    from parts

),

totals as (

    select
        service,
        subscription_id,
        currency,
        month_end_on,
        sum(earned_amount) as earned_amount,
        sum(invoiced_amount) as invoiced_amount,
        sum(accrued_amount) as accrued_amount,
        sum(deferred_amount) as deferred_amount,
        sum(invoiced_amount - earned_amount + accrued_amount - deferred_amount)
            as overbilled_amount,
        count(*)::integer as period_count,
        min(period_start) as first_period_start
    from split
    where earned_amount <> invoiced_amount
    group by service, subscription_id, currency, month_end_on

),

final as (

    select
        totals.service,
        totals.month_end_on,
        subscriptions.external_customer_id,
        customers.customer_name,
        totals.subscription_id,
        totals.currency,
        totals.period_count,
        totals.first_period_start,
        totals.accrued_amount,
        totals.deferred_amount,
        totals.overbilled_amount
    from totals
    left join subscriptions on totals.subscription_id = subscriptions.subscription_id
    left join customers
        on
            totals.service = customers.service
            and subscriptions.external_customer_id = customers.external_customer_id

)

select * from final
