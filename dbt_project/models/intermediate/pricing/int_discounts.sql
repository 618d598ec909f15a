-- A day of the list is a day of the zone that the service was in on that day, as in the price book.
with discounts as (

    select * from {{ ref('discounts') }}

),

policies as (

    select * from {{ ref('int_service_policies') }}

),

final as (

    select
        discounts.service || ':' || discounts.external_subscription_id as subscription_id,
        discounts.charge,
        upper(discounts.currency) as currency,
        {{ day_start('discounts.valid_from', 'first_policies.timezone') }} as valid_from,
        coalesce({{ day_start('discounts.valid_to', 'last_policies.timezone') }}, 'infinity')
            as valid_until,
        jsonb_strip_nulls(jsonb_build_object(
            'percent', trim_scale(discounts.discount_percent)::text,
            'amount', trim_scale(discounts.discount_amount)::text,
            'valid_from', discounts.valid_from,
            'valid_to', discounts.valid_to,
            'reason', discounts.reason,
            'granted_by', discounts.granted_by
        )) as discount
    from discounts
    inner join policies as first_policies
        on
            discounts.service = first_policies.service
            and discounts.valid_from >= coalesce(first_policies.valid_from, '-infinity')
            and discounts.valid_from < coalesce(first_policies.valid_until, 'infinity')
    inner join policies as last_policies
        on
            discounts.service = last_policies.service
            and coalesce(discounts.valid_to, '-infinity')
            >= coalesce(last_policies.valid_from, '-infinity')
            and coalesce(discounts.valid_to, '-infinity')
            < coalesce(last_policies.valid_until, 'infinity')

)

select * from final
