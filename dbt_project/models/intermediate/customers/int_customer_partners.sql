{{ config(post_hook='analyze {{ this }}') }}

with accounts as (

    select * from {{ ref('int_billing_accounts') }}

),

candidates as (

    select * from {{ ref('int_customer_candidates') }}

),

changes as (

    select
        service,
        external_customer_id,
        '-infinity'::timestamptz as valid_from
    from accounts
    union
    select
        service,
        external_customer_id,
        valid_from
    from candidates
    union
    select
        service,
        external_customer_id,
        valid_until as valid_from
    from candidates
    where valid_until is not null

),

spans as (

    select
        *,
        lead(valid_from) over (
            partition by service, external_customer_id order by valid_from
        ) as valid_until
    from changes

),

named as (

    select
        candidates.*,
        spans.valid_from as span_start,
        min(candidates.rule_rank) over (
            partition by spans.service, spans.external_customer_id, spans.valid_from
        ) as deciding_rank
    from spans
    inner join candidates
        on
            spans.service = candidates.service
            and spans.external_customer_id = candidates.external_customer_id
            and {{ in_force_at('candidates', 'spans.valid_from') }}

),

-- The strongest rule that names anybody decides; a weaker one never overrules or completes it.
decided as (

    select
        service,
        external_customer_id,
        span_start,
        min(match_rule) as match_rule,
        count(distinct partner_id) as candidate_count,
        min(partner_id) as only_partner_id,
        min(partner_name) as only_partner_name,
        bool_and(is_partner_found) as is_partner_found,
        bool_and(is_partner_active) as is_partner_active,
        array_agg(distinct partner_id order by partner_id) as candidates
    from named
    where rule_rank = deciding_rank
    group by service, external_customer_id, span_start

),

judged as (

    select
        spans.service,
        spans.external_customer_id,
        spans.valid_from,
        spans.valid_until,
        decided.match_rule,
        decided.only_partner_id,
        decided.only_partner_name,
        coalesce(decided.candidates, '{}'::bigint[]) as candidates,
        case
            when decided.candidate_count is null then 'no_candidate'
            when decided.candidate_count > 1 then 'several_candidates'
            when decided.match_rule = 'name_and_province' then 'suggestion_only'
            when not decided.is_partner_found then 'partner_missing'
            when not decided.is_partner_active then 'partner_archived'
        end as problem
    from spans
    left join decided
        on
            spans.service = decided.service
            and spans.external_customer_id = decided.external_customer_id
            and spans.valid_from = decided.span_start

),

-- Who a customer is does not end with the partner: its lines stay its own, and are held.
identified as (

    select
        *,
        case
            when problem is null or problem in ('partner_missing', 'partner_archived')
                then only_partner_id
        end as named_partner_id
    from judged

),

-- A time in which nobody could be named says nothing: what was decided later counts for it too.
final as (

    select
        service,
        external_customer_id,
        coalesce(
            lag(valid_until) over (
                partition by service, external_customer_id order by valid_from
            ), '-infinity'
        ) as valid_from,
        valid_until,
        named_partner_id,
        case when problem is null then only_partner_id end as partner_id,
        case when problem is null then only_partner_name end as partner_name,
        match_rule,
        case
            when problem = 'no_candidate' then 'none'
            when problem = 'suggestion_only' then 'suggestion'
            when problem is not null then 'unresolved'
            when match_rule in ('override', 'account_link', 'odoo_order', 'imported') then 'certain'
            when match_rule in ('billed_before', 'reference') then 'high'
            else 'medium'
        end as certainty,
        candidates,
        problem
    from identified
    where named_partner_id is not null or valid_until is null

)

select * from final
