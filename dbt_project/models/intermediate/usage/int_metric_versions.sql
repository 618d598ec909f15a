with named as (

    select * from {{ ref('metrics') }}

),

services as (

    select * from {{ ref('int_services') }}

),

policies as (

    select * from {{ ref('int_service_policies') }}

),

odoo_metrics as (

    select *
    from {{ ref('stg_snapshots__odoo_fusion_billing_metric') }}
    where not is_deleted or version_number = 1

),

-- A day of the list is a day of the zone that the service was in.
candidates as (

    select
        named.service,
        named.metric,
        named.aggregation,
        named.unit_name,
        coalesce({{ day_start('named.valid_from', 'policies.timezone') }}, '-infinity')
            as valid_from,
        1 as source_rank
    from named
    left join policies
        on
            named.service = policies.service
            and named.valid_from >= coalesce(policies.valid_from, '-infinity')
            and named.valid_from < coalesce(policies.valid_until, 'infinity')
    union all
    select
        services.service,
        odoo_metrics.metric,
        case
            when odoo_metrics.aggregation = 'unique_count' then 'unique'
            when odoo_metrics.aggregation = 'latest' then 'last'
            when
                odoo_metrics.aggregation in ('sum', 'count', 'max', 'unique')
                or {{ is_of_single_records('odoo_metrics.aggregation') }}
                then odoo_metrics.aggregation
        end as aggregation,
        odoo_metrics.metric_name as unit_name,
        odoo_metrics.valid_from,
        2 as source_rank
    from services
    cross join odoo_metrics
    where odoo_metrics.metric is not null

),

-- The list names all of a metric, or Odoo does. An aggregation that nobody defined is none: its usage
-- is an exception, not a quantity of zero.
ranked as (

    select
        *,
        min(source_rank) over (partition by service, metric) as chosen_rank
    from candidates

),

chosen as (

    select distinct on (service, metric, valid_from)
        service,
        metric,
        aggregation,
        unit_name,
        valid_from
    from ranked
    where source_rank = chosen_rank
    order by service, metric, valid_from, aggregation, unit_name

),

dated as (

    select
        service,
        metric,
        aggregation,
        unit_name,
        {{ reaching_back('service, metric', 'valid_from') }} as valid_from,
        coalesce(
            lead(valid_from) over (partition by service, metric order by valid_from), 'infinity'
        ) as valid_until
    from chosen

),

final as (

    select
        *,
        valid_from <= {{ as_of() }} and valid_until > {{ as_of() }} as is_current
    from dated

)

select * from final
