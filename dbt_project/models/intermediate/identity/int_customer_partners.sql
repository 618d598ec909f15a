with accounts as (

    select * from {{ ref('int_billing_accounts') }}

),

candidates as (

    select * from {{ ref('int_customer_candidates') }}

),

-- The strongest rule that names anybody decides; a weaker one never overrules or completes it.
deciding_rules as (

    select
        service,
        external_customer_id,
        min(rule_rank) as rule_rank
    from candidates
    group by service, external_customer_id

),

decided as (

    select
        candidates.service,
        candidates.external_customer_id,
        min(candidates.rule_rank) as rule_rank,
        min(candidates.match_rule) as match_rule,
        count(*) as candidate_count,
        min(candidates.partner_id) as only_partner_id,
        min(candidates.partner_name) as only_partner_name,
        bool_and(candidates.is_partner_found) as is_partner_found,
        bool_and(candidates.is_partner_active) as is_partner_active,
        array_agg(candidates.partner_id order by candidates.partner_id) as candidates
    from candidates
    inner join deciding_rules
        on
            candidates.service = deciding_rules.service
            and candidates.external_customer_id = deciding_rules.external_customer_id
            and candidates.rule_rank = deciding_rules.rule_rank
    group by candidates.service, candidates.external_customer_id

),

judged as (

    select
        accounts.service,
        accounts.external_customer_id,
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
    from accounts
    left join decided
        on
            accounts.service = decided.service
            and accounts.external_customer_id = decided.external_customer_id

),

final as (

    select
        service,
        external_customer_id,
        case when problem is null then only_partner_id end as partner_id,
        case when problem is null then only_partner_name end as partner_name,
        match_rule,
        case
            when problem = 'no_candidate' then 'none'
            when problem = 'suggestion_only' then 'suggestion'
            when problem is not null then 'unresolved'
            when match_rule in ('override', 'account_link', 'odoo_order') then 'certain'
            when match_rule = 'vat_or_reference' then 'high'
            else 'medium'
        end as certainty,
        candidates,
        problem
    from judged

)

select * from final
