with versions as (

    select * from {{ ref('int_metric_versions') }}

),

final as (

    select
        service,
        metric,
        aggregation,
        unit_name
    from versions
    where valid_from <= {{ as_of() }} and valid_until > {{ as_of() }}

)

select * from final
