{{ config(post_hook='analyze {{ this }}') }}

-- Each open difference rated as it is and under every single supposition; where none of them reaches
-- what was invoiced, under every two of them.
with differences as (

    select * from {{ ref('int_open_differences') }}

),

all_segments as (

    select * from {{ ref('int_hypothesis_segments') }}

),

prices as (

    select * from {{ ref('int_hypothesis_prices') }}

),

causes as (

    select * from {{ ref('causes') }}

),

usage as (

    select *
    from {{ ref('int_hypothesis_usage') }}
    where span_variant = 'own'

),

segments as (

    select *
    from all_segments
    where plan_variant = 'held'

),

own_shapes as (

    select
        difference_number,
        min(segment_start) as held_start,
        max(segment_end) as held_end,
        count(*) > 1 or min(numerator / denominator) < 1 as is_partial
    from segments
    where segmentation = 'own'
    group by difference_number

),

exact_shapes as (

    select
        difference_number,
        min(segment_start) as held_start,
        max(segment_end) as held_end,
        count(*) > 1
        or sum(held_seconds) < min(period_seconds)
            as is_partial
    from segments
    where cut = 'second'
    group by difference_number

),

late_usage as (

    select segments.difference_number
    from segments
    inner join usage on segments.segment_number = usage.segment_number
    where segments.segmentation = 'own'
    group by segments.difference_number
    having
        sum(usage.used_quantity) filter (where usage.usage_variant = 'own')
        <> coalesce(sum(usage.used_quantity) filter (where usage.usage_variant = 'late'), 0)

),

named_plans as (

    select distinct difference_number
    from all_segments
    where plan_variant = 'named'

),

-- Which suppositions a stored fact allows at all.
facts as (

    select
        differences.difference_number,
        own_shapes.is_partial or coalesce(exact_shapes.is_partial, false) as is_partial,
        differences.invoiced_start not in (
            differences.period_start, own_shapes.held_start,
            coalesce(exact_shapes.held_start, own_shapes.held_start)
        )
        or differences.invoiced_end not in (
            differences.period_end, own_shapes.held_end,
            coalesce(exact_shapes.held_end, own_shapes.held_end)
        ) as has_other_span,
        named_plans.difference_number is not null as has_named_plan,
        late_usage.difference_number is not null as has_late_usage,
        differences.has_usage_item
    from differences
    inner join own_shapes on differences.difference_number = own_shapes.difference_number
    left join exact_shapes on differences.difference_number = exact_shapes.difference_number
    left join named_plans on differences.difference_number = named_plans.difference_number
    left join late_usage on differences.difference_number = late_usage.difference_number

),

-- The other instants whose prices differ from ours for a charge of the difference.
price_variants as (

    select distinct
        segments.difference_number,
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

),

proration_variants as (

    select distinct
        segments.difference_number,
        'proration' as cause,
        segments.segmentation as variant,
        array_position(array['day', 'second', 'none'], segments.segmentation) as variant_order
    from segments
    inner join facts on segments.difference_number = facts.difference_number
    where segments.segmentation <> 'own' and facts.is_partial

),

invoiced_quantities as (

    select distinct
        segments.difference_number,
        'quantity' as cause,
        'as_invoiced' as variant,
        1 as variant_order
    from segments
    inner join usage on segments.segment_number = usage.segment_number
    where usage.usage_variant = 'as_invoiced'

),

possible as (

    select
        facts.difference_number,
        offered.cause,
        offered.variant,
        offered.variant_order
    from facts
    inner join (
        values
        ('plan_mismatch', 'named', 1),
        ('boundary', 'as_invoiced', 1),
        ('quota', 'zero', 1),
        ('quota', 'unprorated', 2),
        ('missing_usage', 'none', 1),
        ('missing_usage', 'late', 2)
    ) as offered (cause, variant, variant_order)
        on
            (offered.cause = 'plan_mismatch' and facts.has_named_plan)
            or (offered.cause = 'boundary' and facts.has_other_span)
            or (offered.cause = 'quota' and (offered.variant = 'zero' or facts.is_partial))
            or (offered.variant = 'none' and not facts.has_usage_item)
            or (offered.variant = 'late' and facts.has_late_usage)

),

supposed as (

    select * from possible
    union all
    select * from price_variants
    union all
    select * from proration_variants
    union all
    select * from invoiced_quantities

),

-- Every single supposition that a stored fact allows. No free parameter: a plan that the invoice names,
-- a price that was in force once, the other policies, the app's own quantity.
hypotheses as (

    select
        supposed.difference_number,
        supposed.cause,
        supposed.variant,
        causes.cause_order * 10 + supposed.variant_order as hypothesis_order,
        case when supposed.cause = 'plan_mismatch' then supposed.variant end as plan_variant,
        case when supposed.cause = 'price_version' then supposed.variant end as price_variant,
        case when supposed.cause = 'boundary' then supposed.variant end as span_variant,
        case when supposed.cause = 'proration' then supposed.variant end as segmentation,
        case when supposed.cause = 'quota' then supposed.variant end as quota_variant,
        case when supposed.cause in ('missing_usage', 'quantity') then supposed.variant end
            as usage_variant
    from supposed
    inner join causes on supposed.cause = causes.cause

),

single_sets as (

    select
        difference_number,
        0 as set_key,
        0 as first_key,
        null::text as first_cause,
        null::text as first_variant,
        null::text as second_cause,
        null::text as second_variant
        {%- for variant in hypothesis_variants() %},
        null::text as {{ variant }}
        {%- endfor %}
    from differences
    union all
    select
        difference_number,
        hypothesis_order as set_key,
        hypothesis_order as first_key,
        cause as first_cause,
        variant as first_variant,
        null::text as second_cause,
        null::text as second_variant
        {%- for variant in hypothesis_variants() %},
        {{ variant }}
        {%- endfor %}
    from hypotheses

),

singles as (

    select * from {{ rate_hypotheses('single_sets') }} as hypothetical

),

unreached as (

    select singles.difference_number
    from singles
    inner join differences on singles.difference_number = differences.difference_number
    group by singles.difference_number
    having not bool_or(
        abs(singles.rated_amount - differences.invoiced_amount)
        <= differences.line_count * differences.cent
    )

),

-- A quantity that is the app's own leaves no room for a quota or for other usage.
pair_sets as (

    select
        first_ones.difference_number,
        first_ones.hypothesis_order * 1000 + second_ones.hypothesis_order as set_key,
        first_ones.hypothesis_order as first_key,
        first_ones.cause as first_cause,
        first_ones.variant as first_variant,
        second_ones.cause as second_cause,
        second_ones.variant as second_variant
        {%- for variant in hypothesis_variants() %},
        coalesce(first_ones.{{ variant }}, second_ones.{{ variant }}) as {{ variant }}
        {%- endfor %}
    from unreached
    inner join hypotheses as first_ones on unreached.difference_number = first_ones.difference_number
    inner join hypotheses as second_ones
        on
            first_ones.difference_number = second_ones.difference_number
            and first_ones.hypothesis_order < second_ones.hypothesis_order
            and first_ones.cause <> second_ones.cause
    where not (
        second_ones.cause = 'quantity'
        and first_ones.cause in ('quota', 'missing_usage', 'boundary')
    )

),

pairs as (

    select * from {{ rate_hypotheses('pair_sets') }} as hypothetical

),

rated as (

    select * from singles
    union all
    select * from pairs

),

-- A cent a line is rounding, whatever else is true.
final as (

    select
        rated.difference_number,
        rated.set_key,
        rated.first_key,
        rated.first_cause,
        rated.first_variant,
        rated.second_cause,
        rated.second_variant,
        rated.rated_amount,
        differences.invoiced_amount,
        abs(rated.rated_amount - differences.invoiced_amount)
        <= differences.line_count * differences.cent as is_reached
    from rated
    inner join differences on rated.difference_number = differences.difference_number

)

select * from final
