with named as (

    select * from {{ ref('metrics') }}

),

services as (

    select * from {{ ref('int_services') }}

),

odoo_metrics as (

    select * from {{ ref('stg_odoo__fusion_billing_metric') }}

),

candidates as (

    select
        service,
        metric,
        aggregation,
        unit_name,
        1 as source_rank
    from named
    union all
    select
        services.service,
        odoo_metrics.metric,
        case
            when odoo_metrics.aggregation = 'unique_count' then 'unique'
            when odoo_metrics.aggregation = 'latest' then 'last'
            when odoo_metrics.aggregation in ('sum', 'count', 'max', 'last', 'unique')
                then odoo_metrics.aggregation
        end as aggregation,
        odoo_metrics.metric_name as unit_name,
        2 as source_rank
    from services
    cross join odoo_metrics
    where odoo_metrics.metric is not null

),

-- An aggregation that nobody defined is none: its usage is an exception, not a quantity of zero.
final as (

    select distinct on (service, metric)
        service,
        metric,
        aggregation,
        unit_name
    from candidates
    order by service, metric, source_rank

)

select * from final
