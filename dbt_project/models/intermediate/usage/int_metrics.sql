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
        case odoo_metrics.aggregation
            when 'unique_count' then 'unique'
            else odoo_metrics.aggregation
        end as aggregation,
        odoo_metrics.metric_name as unit_name,
        2 as source_rank
    from services
    cross join odoo_metrics
    where odoo_metrics.metric is not null

),

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
