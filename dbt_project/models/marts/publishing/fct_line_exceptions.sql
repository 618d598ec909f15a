{{ config(indexes=[{'columns': ['line_key']}], post_hook='analyze {{ this }}') }}

-- Which blocking exceptions concern which lines, acknowledged or not: settled at every build.
with lines as (

    select
        line_key,
        service,
        subscription_id,
        external_customer_id,
        kind,
        metric,
        service_period_start
    from {{ ref('fct_invoice_lines') }}

),

exceptions as (

    select int_exceptions.*
    from {{ ref('int_exceptions') }} as int_exceptions
    inner join {{ ref('exception_kinds') }} as kinds on int_exceptions.kind = kinds.kind
    where kinds.is_blocking

),

-- One equality a way of concerning: with "or" every exception would meet every line.
final as (

    select
        lines.line_key,
        exceptions.exception_key,
        exceptions.facts_hash,
        exceptions.kind
    from lines
    inner join exceptions
        on
            lines.service = exceptions.service
            and lines.subscription_id = exceptions.subscription_id
    -- The adjustment of what was billed otherwise is what ends it.
    where
        (exceptions.kind <> 'service_time_billed_otherwise' or lines.kind <> 'adjustment')
        -- Unusual usage holds what bills it, and no other period.
        and (
            exceptions.kind <> 'usage_anomaly'
            or (
                lines.metric is not null
                and lines.service_period_start = exceptions.period_start
            )
        )
    union
    select
        lines.line_key,
        exceptions.exception_key,
        exceptions.facts_hash,
        exceptions.kind
    from lines
    inner join exceptions
        on
            lines.service = exceptions.service
            and lines.external_customer_id = exceptions.external_customer_id
    where exceptions.subscription_id is null
    union
    select
        lines.line_key,
        exceptions.exception_key,
        exceptions.facts_hash,
        exceptions.kind
    from lines
    inner join exceptions on lines.service = exceptions.service
    where exceptions.subscription_id is null and exceptions.external_customer_id is null

)

select * from final
