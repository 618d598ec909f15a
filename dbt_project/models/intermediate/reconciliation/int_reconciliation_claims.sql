{{ config(post_hook='analyze {{ this }}') }}

-- Where no supposition fits: only what an item of the invoice proves by itself, against our line of
-- the same charge. An item whose quantity and price are ours proves nothing, whatever its amount.
with paired as (

    select * from {{ ref('int_reconciliation_item_pairs') }}

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

final as (

    select
        rest_number,
        cause,
        sum(amount) as amount,
        string_agg(
            'invoice ' || invoice_number || ' says ' || trim_scale(item_quantity) || ' at '
            || trim_scale(item_unit_price) || ', we have ' || trim_scale(round(our_quantity, 6))
            || ' at ' || trim_scale(our_unit_price), '; '
            order by charge_id
        ) as evidence
    from claimed
    group by rest_number, cause
    having sum(amount) <> 0

)

select * from final
