{{ config(post_hook='analyze {{ this }}') }}

-- A policy that decides about periods and amounts changed over time that is billed: all of that time
-- would be rated by a rule that it was not billed by.
with billed_lines as (

    select *
    from {{ ref('int_billed_lines') }}
    where kind <> 'credit' and content -> 'policies' is not null

),

services as (

    select * from {{ ref('int_services') }}

),

metrics as (

    select * from {{ ref('int_metrics') }}

),

-- The latest line of a charge and period: an adjustment was made by the policies of its own build.
latest_lines as (

    select distinct on (subscription_id, rated_period_start, charge)
        service,
        metric,
        rated_period_start,
        document_key,
        content -> 'policies' as policies
    from billed_lines
    order by
        subscription_id, rated_period_start, charge, adjustment_number desc nulls last,
        segment_start desc nulls last, line_key

),

billed_by as (

    select
        latest_lines.service,
        latest_lines.metric,
        latest_lines.rated_period_start,
        frozen.policy,
        frozen.old_value,
        count(*) as line_count,
        string_agg(distinct latest_lines.document_key, ', ') as document_keys
    from latest_lines
    cross join lateral jsonb_each_text(latest_lines.policies) as frozen (policy, old_value)
    group by
        latest_lines.service, latest_lines.metric, latest_lines.rated_period_start,
        frozen.policy, frozen.old_value

),

compared as (

    select
        billed_by.*,
        case billed_by.policy
            when 'timezone' then services.timezone
            when 'period_rule' then services.period_rule
            when 'proration' then services.proration
            when 'bill_suspended' then services.bill_suspended::text
            when 'duplicate_policy' then services.duplicate_policy
            when 'aggregation' then metrics.aggregation
        end as new_value
    from billed_by
    inner join services on billed_by.service = services.service
    left join metrics
        on billed_by.service = metrics.service and billed_by.metric = metrics.metric

),

changed as (

    select
        service,
        case when policy = 'aggregation' then policy || ' of ' || metric else policy end as policy,
        case when policy = 'aggregation' then 'metrics.csv' else 'services.csv' end as file,
        old_value,
        coalesce(new_value, 'nothing') as new_value,
        min(rated_period_start) as first_period_start,
        max(rated_period_start) as last_period_start,
        sum(line_count) as line_count,
        min(document_keys) as document_keys
    from compared
    where new_value is distinct from old_value
    group by 1, 2, 3, 4, 5

),

final as (

    select
        'policy_changed_over_billed_time' as kind,
        service,
        policy || ' ' || old_value || ' ' || new_value as subject,
        null::text as subscription_id,
        null::text as external_customer_id,
        first_period_start as period_start,
        null::text as currency,
        null::numeric as stake_amount,
        old_value || ' ' || new_value || ' ' || last_period_start as facts,
        service || ': ' || policy || ' was ' || old_value || ' when ' || line_count
        || ' line(s) of the periods from ' || {{ iso_seconds('first_period_start') }} || ' to '
        || {{ iso_seconds('last_period_start') }} || ' were billed (' || document_keys
        || '), and is ' || new_value || ' now. Write ' || old_value || ' in ' || file
        || ' again, and ' || new_value || ' in a row of its own with the day from which it counts'
        || ' in valid_from' as description,
        last_period_start as since_at
    from changed

)

select * from final
