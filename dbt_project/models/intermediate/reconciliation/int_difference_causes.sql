{{ config(post_hook='analyze {{ this }}') }}

-- What explains an open difference: the bridge of the suppositions that reach it, else what its items
-- prove.
with ratings as (

    select * from {{ ref('int_hypothesis_ratings') }}

),

differences as (

    select * from {{ ref('int_open_differences') }}

),

lines as (

    select *
    from {{ ref('int_rated_lines') }}
    where kind = 'base' or (kind = 'usage' and charge_model = 'per_unit')

),

charges as (

    select *
    from {{ ref('int_app_charge_facts') }}
    where item_kind in ('base', 'proration', 'usage') and quantity is not null and not is_duplicate

),

as_it_is as (

    select *
    from ratings
    where set_key = 0

),

candidates as (

    select
        ratings.*,
        (ratings.set_key > 0)::int + (ratings.second_cause is not null)::int as set_size,
        (ratings.second_cause is not null and firsts.rated_amount = as_it_is.rated_amount)::int
            as is_idle,
        firsts.rated_amount as first_amount,
        as_it_is.rated_amount as expected_amount
    from ratings
    inner join as_it_is on ratings.difference_number = as_it_is.difference_number
    inner join ratings as firsts
        on
            ratings.difference_number = firsts.difference_number
            and ratings.first_key = firsts.set_key
    where ratings.is_reached

),

-- The smallest set of suppositions that reaches it; of equal sets the one that the listed order
-- prefers, and none whose first supposition changes nothing.
chosen as (

    select distinct on (difference_number) *
    from candidates
    order by difference_number, set_size, is_idle, set_key

),

-- As a bridge: what each of them changes after those before it.
steps as (

    select
        chosen.difference_number,
        step.cause,
        step.variant,
        step.from_amount,
        step.to_amount
    from chosen
    cross join
        lateral (
            values
            (first_cause, first_variant, expected_amount, first_amount),
            (second_cause, second_variant, first_amount, rated_amount),
            ('rounding', null, rated_amount, invoiced_amount)
        ) as step (cause, variant, from_amount, to_amount)
    where step.cause is not null and step.from_amount <> step.to_amount

),

-- Where no supposition fits: only what an item of the invoice proves by itself, against our line of
-- the same charge, of which it takes the one that it overlaps most. An item whose quantity and price
-- are ours proves nothing, whatever its amount.
paired as (

    select distinct on (charges.charge_id)
        charges.charge_id,
        differences.difference_number,
        differences.decimals,
        charges.invoice_number,
        charges.quantity as item_quantity,
        charges.unit_price as item_unit_price,
        lines.unit_price as our_unit_price,
        case
            when lines.kind = 'usage' then lines.billable_quantity
            else lines.fraction_numerator / lines.fraction_denominator
        end as our_quantity
    from differences
    inner join charges
        on
            differences.subscription_id = charges.subscription_id
            and differences.period_start = charges.period_start
            and differences.period_end = charges.period_end
    inner join lines
        on
            differences.subscription_id = lines.subscription_id
            and differences.period_start = lines.service_period_start
            and differences.period_end = lines.service_period_end
            and (charges.item_kind = 'usage') = (lines.kind = 'usage')
    where differences.difference_number not in (select steps.difference_number from steps)
    order by
        charges.charge_id asc,
        least(lines.segment_end, charges.charge_end)
        - greatest(lines.segment_start, charges.charge_start) desc,
        lines.segment_start

),

-- The app may keep fewer decimals than we do: only what differs at its own scale is a difference.
compared as (

    select
        *,
        round(our_unit_price, scale(item_unit_price)) <> item_unit_price as is_other_price,
        abs(round(our_quantity, scale(item_quantity)) - item_quantity)
        > 2 * power(10::numeric, -scale(item_quantity)) as is_other_quantity
    from paired

),

claimed as (

    select
        compared.*,
        claim.cause,
        claim.amount
    from compared
    cross join
        lateral (
            values
            (
                'quantity',
                case
                    when
                        is_other_quantity
                        then {{ round_money(
                            '(our_quantity - item_quantity) * our_unit_price', 'decimals'
                        ) }}
                end
            ),
            (
                'unit_price',
                case
                    when
                        is_other_price
                        then {{ round_money(
                            '(our_unit_price - item_unit_price) * item_quantity', 'decimals'
                        ) }}
                end
            )
        ) as claim (cause, amount)
    where claim.amount <> 0

),

claims as (

    select
        difference_number,
        cause,
        sum(amount) as amount,
        string_agg(
            'invoice ' || invoice_number || ' says ' || trim_scale(item_quantity) || ' at '
            || trim_scale(item_unit_price) || ', we have ' || trim_scale(round(our_quantity, 6))
            || ' at ' || trim_scale(our_unit_price), '; '
            order by charge_id
        ) as evidence
    from claimed
    group by difference_number, cause
    having sum(amount) <> 0

),

final as (

    select
        difference_number,
        cause,
        variant,
        from_amount,
        to_amount,
        from_amount - to_amount as amount,
        null::text as evidence
    from steps
    union all
    select
        difference_number,
        cause,
        'item' as variant,
        null::numeric as from_amount,
        null::numeric as to_amount,
        amount,
        evidence
    from claims

)

select * from final
