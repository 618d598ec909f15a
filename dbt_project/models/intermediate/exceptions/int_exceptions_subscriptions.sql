{{ config(post_hook='analyze {{ this }}') }}

with subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

versions as (

    select * from {{ ref('int_subscription_versions') }}

),

app_plans as (

    select *
    from {{ ref('stg_snapshots__nexacloud_plans') }}
    where valid_until is null and not is_deleted and plan_code is not null

),

spans as (

    select *
    from {{ ref('int_subscription_spans') }}
    where not is_trial

),

plan_versions as (

    select * from {{ ref('int_plan_versions') }}

),

billed_lines as (

    select * from {{ ref('int_billed_lines') }}

),

segments as (

    select *
    from {{ ref('int_subscription_segments') }}
    where not is_trial and period_type in ('all', 'base')

),

segment_charges as (

    select * from {{ ref('int_segment_charges') }}

),

-- Usage that nobody knows how to add up would be missing on the invoice.
unknown_metrics as (

    select
        'usage_metric_unknown' as kind,
        service,
        concat_ws(' ', subscription_id, metric, reason) as subject,
        subscription_id,
        null::text as external_customer_id,
        null::timestamptz as period_start,
        null::text as currency,
        null::numeric as stake_amount,
        count(*) || ' ' || coalesce(sum(quantity), 0) as facts,
        count(*) || ' usage record(s) of ' || coalesce(subscription_id, 'nobody') || ', '
        || trim_scale(coalesce(sum(quantity), 0)) || ' ' || coalesce(metric, '') || ': '
        || replace(reason, '_', ' ') as description,
        min(event_at) as since_at
    from {{ ref('int_usage_gaps') }}
    where reason in ('unknown_metric', 'unknown_aggregation')
    group by service, subscription_id, metric, reason

),

unrateable as (

    select
        'subscription_unrateable' as kind,
        subscription_id,
        '' as subject,
        problem as facts,
        case problem
            when 'no_start' then 'has no start'
            when 'impossible_start' then 'starts in a year that cannot be'
            when 'unknown_plan' then 'has no known plan'
            else 'has a billing interval that nobody knows: ' || coalesce(billing_interval, '(none)')
        end as description,
        held_from as since_at
    from subscriptions
    where problem is not null and (status <> 'cancelled' or problem = 'impossible_start')

),

unknown_states as (

    select
        'subscription_status_unknown' as kind,
        subscription_id,
        '' as subject,
        coalesce(status, '') as facts,
        'has a status that nobody knows: ' || coalesce(status, '(none)') as description,
        changed_at as since_at
    from subscriptions
    where
        coalesce(status, '') not in {{ known_statuses() }}
        or (service = 'nexacloud' and status = 'draft')

),

deleted as (

    select
        'subscription_deleted' as kind,
        subscription_id,
        '' as subject,
        'deleted' as facts,
        'is gone from its source; it counts as held until '
        || to_char(changed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') as description,
        changed_at as since_at
    from subscriptions
    where is_deleted

),

-- Each plan has its own price by its id; what reads a code cannot know which of the two it means.
codes_given_twice as (

    select
        plan_code,
        array_agg(plan_id order by plan_id) as plan_ids
    from app_plans
    group by plan_code
    having count(*) > 1

),

twins as (

    select distinct
        'plan_code_twice' as kind,
        versions.subscription_id,
        codes_given_twice.plan_code as subject,
        array_to_string(codes_given_twice.plan_ids, ' ') as facts,
        'is or was on a plan whose code ' || codes_given_twice.plan_code || ' several plans carry: '
        || array_to_string(codes_given_twice.plan_ids, ', ') as description,
        null::timestamptz as since_at
    from codes_given_twice
    inner join versions
        on
            versions.service = 'nexacloud'
            and versions.plan_id = any(codes_given_twice.plan_ids)

),

-- Time on a plan that no load ever saw, or of an interval that nobody knows, makes no segment.
unplaced as (

    select
        'plan_unknown' as kind,
        spans.subscription_id,
        coalesce(spans.plan_id, '') as subject,
        coalesce(spans.plan_id, '') as facts,
        'was held on plan ' || coalesce(spans.plan_id, '(none)') || ', of which '
        || case
            when bool_or(plan_versions.plan_id is null) then 'nothing is known'
            else 'nobody knows the billing interval'
        end as description,
        min(spans.span_start) as since_at
    from spans
    left join plan_versions
        on
            spans.plan_id = plan_versions.plan_id
            and spans.span_start < plan_versions.valid_until
            and spans.span_end > plan_versions.valid_from
    where plan_versions.month_count is null
    group by spans.subscription_id, spans.plan_id

),

-- What was held before a start that is later now would be credited in full: a person says whether.
moved_starts as (

    select
        'subscription_start_moved' as kind,
        subscription_id,
        '' as subject,
        to_char(max(started_at) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') as facts,
        'began at ' || to_char(min(started_before) at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')
        || ' and is said now to have begun at '
        || to_char(max(started_at) at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') as description,
        max(known_from) as since_at
    from (
        select
            *,
            lag(started_at) over earlier as started_before,
            lag(held_from) over earlier as held_before
        from versions
        window earlier as (partition by subscription_id order by version_number)
    ) as compared
    where
        started_at > started_before
        and held_from = held_before
        and exists (
            select 1
            from billed_lines
            where
                compared.subscription_id = billed_lines.subscription_id
                and compared.started_at > billed_lines.rated_period_start
        )
    group by subscription_id

),

unpriced as (

    select
        'price_missing' as kind,
        segments.subscription_id,
        segments.plan_id as subject,
        segments.plan_id || ' ' || coalesce(segments.plan_code, '') as facts,
        'holds plan ' || coalesce(segments.plan_code, segments.plan_id)
        || ', for which no source has a base price' as description,
        min(segments.segment_start) as since_at
    from segments
    left join segment_charges
        on
            segments.subscription_id = segment_charges.subscription_id
            and segments.period_type = segment_charges.period_type
            and segments.segment_start = segment_charges.segment_start
            and segment_charges.charge_kind = 'base'
    where segment_charges.subscription_id is null
    group by segments.subscription_id, segments.plan_id, segments.plan_code

),

in_unknown_currency as (

    select
        'currency_unknown' as kind,
        subscription_id,
        coalesce(currency, '') as subject,
        coalesce(currency, '') as facts,
        'is priced in a currency that Odoo does not know: ' || coalesce(currency, '(none)')
            as description,
        min(segment_start) as since_at
    from segment_charges
    where decimals is null
    group by subscription_id, currency

),

unusable as (

    select
        'price_unusable' as kind,
        subscription_id,
        charge as subject,
        string_agg(distinct price_problem, ' ') as facts,
        'has a price of ' || charge || ' (' || max(price_source) || ') that cannot be rated by: '
        || replace(string_agg(distinct price_problem, ', '), '_', ' ') as description,
        min(segment_start) as since_at
    from segment_charges
    where price_problem is not null
    group by subscription_id, charge

),

unioned as (

    select * from unrateable
    union all
    select * from unknown_states
    union all
    select * from deleted
    union all
    select * from twins
    union all
    select * from unplaced
    union all
    select * from moved_starts
    union all
    select * from unpriced
    union all
    select * from in_unknown_currency
    union all
    select * from unusable

),

of_subscriptions as (

    select
        unioned.kind,
        subscriptions.service,
        trim(unioned.subscription_id || ' ' || unioned.subject) as subject,
        unioned.subscription_id,
        subscriptions.external_customer_id,
        null::timestamptz as period_start,
        null::text as currency,
        null::numeric as stake_amount,
        unioned.facts,
        'Subscription ' || subscriptions.external_subscription_id || ' ' || unioned.description
            as description,
        unioned.since_at
    from unioned
    inner join subscriptions on unioned.subscription_id = subscriptions.subscription_id

),

final as (

    select * from of_subscriptions
    union all
    select * from unknown_metrics

)

select * from final
