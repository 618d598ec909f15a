{{ config(indexes=[{'columns': ['subscription_id', 'period_start']}]) }}

-- All that explains a delta, each with a sentence that a person understands without the model.
with sides as (

    select * from {{ ref('int_reconciliation_sides') }}

),

charges as (

    select *
    from {{ ref('int_app_charge_facts') }}
    where amount <> 0

),

differences as (

    select * from {{ ref('int_open_differences') }}

),

difference_causes as (

    select * from {{ ref('int_difference_causes') }}

),

segments as (

    select *
    from {{ ref('int_hypothesis_segments') }}
    where plan_variant = 'held' and not is_trial

),

prices as (

    select *
    from {{ ref('int_hypothesis_prices') }}
    where price_variant = 'own' and charge_kind = 'base' and charge = 'base'

),

services as (

    select * from {{ ref('int_services') }}

),

lines as (

    select * from {{ ref('fct_invoice_lines') }}

),

published as (

    select * from {{ ref('int_reconciliation_published') }}

),

causes as (

    select * from {{ ref('causes') }}

),

-- What the app's own invoices prove.
facts as (

    select
        subscription_id,
        period_start,
        period_end,
        'void_or_credit' as cause,
        amount,
        'invoice ' || invoice_number || ' is void' as evidence
    from charges
    where is_unreplaced_void
    union all
    select
        subscription_id,
        period_start,
        period_end,
        fact_cause as cause,
        -fact_amount as amount,
        case fact_cause
            when 'duplicate_invoice'
                then 'invoice ' || invoice_number || ' repeats ' || original_number
            when 'tax_included' then 'invoice ' || invoice_number || ' has its tax in the amounts'
            else
                'invoice ' || invoice_number || ' has ' || replace(item_kind, '_', '-')
                || ' item "' || coalesce(description, '') || '"'
        end as evidence
    from charges
    where fact_cause is not null

),

proven as (

    select
        facts.subscription_id,
        facts.period_start,
        facts.period_end,
        facts.cause,
        null::text as variant,
        sum(facts.amount) as amount,
        string_agg(distinct facts.evidence, '; ' order by facts.evidence) as evidence
    from facts
    inner join sides
        on
            facts.subscription_id = sides.subscription_id
            and facts.period_start = sides.period_start
            and facts.period_end = sides.period_end
    where not sides.is_billed_compared and not sides.is_other_currency
    group by facts.subscription_id, facts.period_start, facts.period_end, facts.cause

),

-- The app's arithmetic of a prorated base fee: 200.00 x 33 h / 720 h.
shares as (

    select
        segments.difference_number,
        segments.segmentation,
        string_agg(
            {{ round_money('prices.base_fee', 'differences.decimals') }} || case segments.segmentation
                when 'second'
                    then
                        ' x ' || trim_scale(round(segments.numerator / 3600, 2)) || ' h / '
                        || trim_scale(round(segments.denominator / 3600, 2)) || ' h'
                else ' x ' || segments.numerator || ' / ' || segments.denominator || ' days'
            end, ' + '
            order by segments.segment_start
        ) as arithmetic
    from segments
    inner join prices on segments.segment_number = prices.segment_number
    inner join differences on segments.difference_number = differences.difference_number
    group by segments.difference_number, segments.segmentation

),

-- What explains the rest of a difference: a step in plain words, or what an item proves.
supposed as (

    select
        differences.subscription_id,
        differences.period_start,
        differences.period_end,
        difference_causes.cause,
        difference_causes.variant,
        difference_causes.amount,
        coalesce(
            difference_causes.evidence,
            'invoice ' || array_to_string(differences.invoice_numbers, ', ')
        ) as evidence,
        coalesce(difference_causes.evidence, {{ cause_sentence() }}) as sentence
    from difference_causes
    inner join differences
        on difference_causes.difference_number = differences.difference_number
    inner join services on differences.service = services.service
    inner join causes on difference_causes.cause = causes.cause
    left join shares
        on
            difference_causes.difference_number = shares.difference_number
            and difference_causes.cause = 'proration'
            and difference_causes.variant = shares.segmentation

),

-- After the gate a difference has plain reasons: lines that are not in Odoo yet, lines that Odoo no
-- longer holds as they were sent, and what a person gave back. Together they are the whole of it.
compared_with_odoo as (

    select *
    from sides
    where is_billed_compared and not is_other_currency

),

waiting as (

    select
        sides.subscription_id,
        sides.period_start,
        sides.period_end,
        'not_published' as cause,
        sum(lines.amount) as amount,
        count(*) || ' line(s) are not in a draft yet: '
        || string_agg(lines.line_key, ', ' order by lines.line_key) as evidence
    from compared_with_odoo as sides
    inner join lines
        on
            sides.subscription_id = lines.subscription_id
            and sides.period_start
            = coalesce(lines.corrects_period_start, lines.service_period_start)
            and sides.period_end = lines.service_period_end
    left join published on lines.line_key = published.line_key
    where published.line_key is null
    group by sides.subscription_id, sides.period_start, sides.period_end

),

altered as (

    select
        sides.subscription_id,
        sides.period_start,
        sides.period_end,
        'changed_in_odoo' as cause,
        sum(published.frozen_amount - published.billed_amount) as amount,
        'document ' || string_agg(
            distinct published.document_key || ' ('
            || coalesce(published.finding, published.move_state, published.publication_state)
            || ')', ', '
        ) as evidence
    from compared_with_odoo as sides
    inner join published
        on
            sides.subscription_id = published.subscription_id
            and sides.period_start = published.period_start
            and sides.period_end = published.period_end
    where published.frozen_amount <> published.billed_amount and published.kind <> 'credit'
    group by sides.subscription_id, sides.period_start, sides.period_end

),

-- What Odoo holds of it: a credit note that was cancelled gives nothing back.
credited as (

    select
        sides.subscription_id,
        sides.period_start,
        sides.period_end,
        'credited' as cause,
        -sum(published.billed_amount) as amount,
        'credit note ' || string_agg(
            distinct coalesce(published.odoo_name, published.document_key), ', '
        ) as evidence
    from compared_with_odoo as sides
    inner join published
        on
            sides.subscription_id = published.subscription_id
            and sides.period_start = published.period_start
            and sides.period_end = published.period_end
    where published.kind = 'credit'
    group by sides.subscription_id, sides.period_start, sides.period_end

),

explanations as (

    select
        *,
        evidence as sentence
    from proven
    union all
    select * from supposed
    union all
    select
        subscription_id,
        period_start,
        period_end,
        cause,
        null::text as variant,
        amount,
        evidence,
        evidence as sentence
    from (
        select * from waiting
        union all
        select * from altered
        union all
        select * from credited
    ) as unpublished

),

final as (

    select
        sides.service,
        sides.subscription_id,
        sides.external_subscription_id,
        sides.period_start,
        sides.period_end,
        explanations.cause,
        causes.cause_order,
        explanations.variant,
        explanations.amount,
        sides.currency,
        explanations.evidence,
        explanations.sentence
    from explanations
    inner join sides
        on
            explanations.subscription_id = sides.subscription_id
            and explanations.period_start = sides.period_start
            and explanations.period_end = sides.period_end
    inner join causes on explanations.cause = causes.cause
    where explanations.amount <> 0

)

select * from final
