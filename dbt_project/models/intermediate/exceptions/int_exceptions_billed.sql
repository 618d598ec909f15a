{{ config(post_hook='analyze {{ this }}') }}

-- What was billed and does not fit what is rated today, so that nothing may follow from it by itself.
with moved as (

    select *
    from {{ ref('int_service_time_overlaps') }}
    where is_held

),

adjustments as (

    select * from {{ ref('int_adjustments') }}

),

billed_lines as (

    select *
    from {{ ref('int_billed_lines') }}
    where kind <> 'credit'

),

-- A yearly plan has two streams of periods, cut by the same policies.
period_policies as (

    select distinct on (subscription_id, period_start) *
    from {{ ref('int_subscription_periods') }}
    order by subscription_id asc, period_start asc, period_type asc

),

policies as (

    select * from {{ ref('int_service_policies') }}

),

metrics as (

    select * from {{ ref('int_metric_versions') }}

),

billed_otherwise as (

    select
        'service_time_billed_otherwise' as kind,
        billed_lines.service,
        moved.subscription_id || ' ' || moved.charge || ' '
        || {{ iso_seconds('moved.billed_period_start') }} as subject,
        moved.subscription_id,
        min(billed_lines.content ->> 'external_customer_id') as external_customer_id,
        moved.billed_period_start as period_start,
        min(billed_lines.currency) as currency,
        'Billed from ' || {{ iso_seconds('moved.billed_period_start') }} || ' to '
        || {{ iso_seconds('min(moved.billed_period_end)') }} || ' ('
        || string_agg(distinct billed_lines.document_key, ', ') || '), and rated now from '
        || string_agg(
            distinct {{ iso_seconds('moved.rated_period_start') }} || ' to '
            || {{ iso_seconds('moved.rated_period_end') }}, ', and from '
        ) as description
    from moved
    inner join billed_lines
        on
            moved.subscription_id = billed_lines.subscription_id
            and moved.charge = billed_lines.charge
            and moved.billed_period_start = billed_lines.rated_period_start
    group by
        billed_lines.service, moved.subscription_id, moved.charge,
        moved.billed_period_start

),

between_partners as (

    select
        'adjustment_between_partners' as kind,
        adjustments.service,
        adjustments.line_key as subject,
        adjustments.subscription_id,
        adjustments.external_customer_id,
        adjustments.service_period_start as period_start,
        adjustments.currency,
        adjustments.description || ' would go to partner ' || adjustments.partner_id
        || ', and documents ' || string_agg(distinct billed_lines.document_key, ', ')
        || ' went to partners ' || string_agg(distinct billed_lines.partner_id::text, ', ')
            as description
    from adjustments
    inner join billed_lines
        on
            adjustments.subscription_id = billed_lines.subscription_id
            and adjustments.service_period_start = billed_lines.rated_period_start
            and adjustments.currency = billed_lines.currency
            and adjustments.charge = billed_lines.charge
    group by
        adjustments.service, adjustments.line_key, adjustments.subscription_id,
        adjustments.external_customer_id, adjustments.service_period_start,
        adjustments.currency, adjustments.description, adjustments.partner_id
    having count(distinct billed_lines.partner_id) > 1

),

-- A policy that decides about periods and amounts changed over time that is billed: all of that time
-- would be rated by a rule that it was not billed by.
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
    where content -> 'policies' is not null
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
                then policies.duplicate_policy
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

policies_changed as (

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

),

unioned as (

    select
        kind,
        service,
        subject,
        subscription_id,
        external_customer_id,
        period_start,
        currency,
        null::numeric as stake_amount,
        description as facts,
        description,
        period_start as since_at
    from billed_otherwise
    union all
    select
        kind,
        service,
        subject,
        subscription_id,
        external_customer_id,
        period_start,
        currency,
        null::numeric as stake_amount,
        description as facts,
        description,
        period_start as since_at
    from between_partners
    union all
    select * from policies_changed

)

select * from unioned
