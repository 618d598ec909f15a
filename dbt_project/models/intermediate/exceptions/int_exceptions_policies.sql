{{ config(post_hook='analyze {{ this }}') }}

-- A policy that decides about periods and amounts changed over time that is billed: all of that time
-- would be rated by a rule that it was not billed by.
with billed_lines as (

    select *
    from {{ ref('int_billed_lines') }}
    where kind <> 'credit' and content -> 'policies' is not null

),

period_policies as (

    select * from {{ ref('int_period_policies') }}

),

policies as (

    select * from {{ ref('int_service_policies') }}

),

metrics as (

    select * from {{ ref('int_metric_versions') }}

),

-- The latest line of a charge and period: an adjustment was made by the policies of its own build.
latest_lines as (

    select distinct on (subscription_id, rated_period_start, charge)
        subscription_id,
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

-- Of a period that begins nowhere any more the service itself says what would cut it now, by the policy of its day.
compared as (

    select
        latest_lines.*,
        frozen.policy,
        frozen.old_value,
        case frozen.policy
            when 'timezone' then coalesce(period_policies.timezone, policies.timezone)
            when 'period_rule' then coalesce(period_policies.period_rule, policies.period_rule)
            when 'proration' then coalesce(period_policies.proration, policies.proration)
            when 'bill_suspended'
                then coalesce(period_policies.bill_suspended, policies.bill_suspended)::text
            when 'duplicate_policy'
                then coalesce(period_policies.duplicate_policy, policies.duplicate_policy)
            when 'aggregation' then metrics.aggregation
        end as new_value
    from latest_lines
    inner join policies
        on
            latest_lines.service = policies.service
            and latest_lines.rated_period_start >= policies.valid_from_at
            and latest_lines.rated_period_start < policies.valid_until_at
    left join period_policies
        on
            latest_lines.subscription_id = period_policies.subscription_id
            and latest_lines.rated_period_start = period_policies.period_start
    left join metrics
        on
            latest_lines.service = metrics.service
            and latest_lines.metric = metrics.metric
            and latest_lines.rated_period_start >= metrics.valid_from
            and latest_lines.rated_period_start < metrics.valid_until
    cross join lateral jsonb_each_text(latest_lines.policies) as frozen (policy, old_value)

),

named as (

    select
        *,
        case when policy = 'aggregation' then policy || ' of ' || metric else policy end
            as policy_name,
        case when policy = 'aggregation' then 'metrics.csv' else 'services.csv' end as file_name
    from compared
    where new_value is distinct from old_value

),

changed as (

    select
        service,
        policy_name,
        file_name,
        old_value,
        coalesce(new_value, 'nothing') as new_value,
        min(rated_period_start) as first_period_start,
        max(rated_period_start) as last_period_start,
        count(*) as line_count,
        min(document_key) as document_key,
        count(distinct document_key) as document_count
    from named
    group by service, policy_name, file_name, old_value, new_value

),

final as (

    select
        'policy_changed_over_billed_time' as kind,
        service,
        policy_name || ' ' || old_value || ' ' || new_value as subject,
        null::text as subscription_id,
        null::text as external_customer_id,
        first_period_start as period_start,
        null::text as currency,
        null::numeric as stake_amount,
        old_value || ' ' || new_value || ' ' || last_period_start as facts,
        service || ': ' || policy_name || ' was ' || old_value || ' when ' || line_count
        || ' line(s) of the periods from ' || {{ iso_seconds('first_period_start') }} || ' to '
        || {{ iso_seconds('last_period_start') }} || ' were billed (' || document_key
        || case when document_count > 1 then ' and ' || document_count - 1 || ' more' else '' end
        || '), and is ' || new_value || ' now. Write ' || old_value || ' in ' || file_name
        || ' again, and ' || new_value || ' in a row of its own with the day from which it counts'
        || ' in valid_from' as description,
        last_period_start as since_at
    from changed

)

select * from final
