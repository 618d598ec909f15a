{{ config(post_hook='analyze {{ this }}') }}

-- Each open difference rated as it is and under every single supposition; where none of them reaches
-- what was invoiced, under every two of them.
with differences as (

    select * from {{ ref('int_open_differences') }}

),

hypotheses as (

    select * from {{ ref('int_hypotheses') }}

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
