{{ config(post_hook='analyze {{ this }}') }}

-- The other instants whose prices differ from ours for a charge of the key.
with segments as (

    select *
    from {{ ref('int_hypothesis_segments') }}
    where plan_variant = 'held'

),

prices as (

    select * from {{ ref('int_hypothesis_prices') }}

),

final as (

    select distinct
        segments.rest_number,
        'price_version' as cause,
        others.price_variant as variant,
        array_position(array['older', 'newer', 'app'], others.price_variant) as variant_order
    from segments
    inner join prices as own
        on segments.segment_number = own.segment_number and own.price_variant = 'own'
    inner join prices as others
        on
            own.segment_number = others.segment_number
            and own.charge = others.charge
            and own.price_key <> others.price_key

)

select * from final
