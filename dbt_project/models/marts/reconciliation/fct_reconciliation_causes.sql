{{ config(indexes=[{'columns': ['subscription_id', 'period_start']}]) }}

-- All that explains a delta, each with a sentence that a person understands without the model.
with sides as (

    select * from {{ ref('int_reconciliation_sides') }}

),

ratings as (

    select * from {{ ref('int_hypothesis_ratings') }}

),

rated_lines as (

    select *
    from {{ ref('int_rated_lines') }}
    where kind = 'base' or (kind = 'usage' and charge_model = 'per_unit')

),

items as (

    select *
    from {{ ref('int_app_charge_facts') }}
    where item_kind in ('base', 'proration', 'usage') and quantity is not null and not is_duplicate

),

charges as (

    select *
    from {{ ref('int_app_charge_facts') }}
    where amount <> 0

),

differences as (

    select * from {{ ref('int_open_differences') }}

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

    select * from {{ ref('int_published_lines') }}

),

causes as (

    select * from {{ ref('causes') }}

),

as_it_is as (

    select *
    from ratings
    where set_key = 0

),

candidates as (

    select
        ratings.*,
        (ratings.set_key > 0)::int + (ratings.second_cause is not null)::int as set_size,
        (ratings.second_cause is not null and firsts.rated_amount = as_it_is.rated_amount)::int
            as is_idle,
        firsts.rated_amount as first_amount,
        as_it_is.rated_amount as expected_amount
    from ratings
    inner join as_it_is on ratings.difference_number = as_it_is.difference_number
    inner join ratings as firsts
        on
            ratings.difference_number = firsts.difference_number
            and ratings.first_key = firsts.set_key
    where ratings.is_reached

),

-- The smallest set of suppositions that reaches it; of equal sets the one that the listed order
-- prefers, and none whose first supposition changes nothing.
chosen as (

    select distinct on (difference_number) *
    from candidates
    order by difference_number, set_size, is_idle, set_key

),

-- As a bridge: what each of them changes after those before it.
steps as (

    select
        chosen.difference_number,
        step.cause,
        step.variant,
        step.from_amount,
        step.to_amount
    from chosen
    cross join
        lateral (
            values
            (first_cause, first_variant, expected_amount, first_amount),
            (second_cause, second_variant, first_amount, rated_amount),
            ('rounding', null, rated_amount, invoiced_amount)
        ) as step (cause, variant, from_amount, to_amount)
    where step.cause is not null and step.from_amount <> step.to_amount

),

-- Where no supposition fits: only what an item of the invoice proves by itself, against our line of
-- the same charge, of which it takes the one that it overlaps most. An item whose quantity and price
-- are ours proves nothing, whatever its amount.
paired as (

    select distinct on (items.charge_id)
        items.charge_id,
        differences.difference_number,
        differences.decimals,
        items.invoice_number,
        items.quantity as item_quantity,
        items.unit_price as item_unit_price,
        rated_lines.unit_price as our_unit_price,
        case
            when rated_lines.kind = 'usage' then rated_lines.billable_quantity
            else rated_lines.fraction_numerator / rated_lines.fraction_denominator
        end as our_quantity
    from differences
    inner join items
        on
            differences.subscription_id = items.subscription_id
            and differences.period_start = items.period_start
            and differences.period_end = items.period_end
    inner join rated_lines
        on
            differences.subscription_id = rated_lines.subscription_id
            and differences.period_start = rated_lines.service_period_start
            and differences.period_end = rated_lines.service_period_end
            and (items.item_kind = 'usage') = (rated_lines.kind = 'usage')
    where differences.difference_number not in (select steps.difference_number from steps)
    order by
        items.charge_id asc,
        least(rated_lines.segment_end, items.charge_end)
        - greatest(rated_lines.segment_start, items.charge_start) desc,
        rated_lines.segment_start

),

-- The app may keep fewer decimals than we do: only what differs at its own scale is a difference.
compared as (

    select
        *,
        round(our_unit_price, scale(item_unit_price)) <> item_unit_price as is_other_price,
        abs(round(our_quantity, scale(item_quantity)) - item_quantity)
        > 2 * power(10::numeric, -scale(item_quantity)) as is_other_quantity
    from paired

),

claimed as (

    select
        compared.*,
        claim.cause,
        claim.amount
    from compared
    cross join
        lateral (
            values
            (
                'quantity',
                case
                    when
                        is_other_quantity
                        then {{ round_money(
                            '(our_quantity - item_quantity) * our_unit_price', 'decimals'
                        ) }}
                end
            ),
            (
                'unit_price',
                case
                    when
                        is_other_price
                        then {{ round_money(
                            '(our_unit_price - item_unit_price) * item_quantity', 'decimals'
                        ) }}
                end
            )
        ) as claim (cause, amount)
    where claim.amount <> 0

),

claims as (

    select
        difference_number,
        cause,
        sum(amount) as amount,
        string_agg(
            'invoice ' || invoice_number || ' says ' || trim_scale(item_quantity) || ' at '
            || trim_scale(item_unit_price) || ', we have ' || trim_scale(round(our_quantity, 6))
            || ' at ' || trim_scale(our_unit_price), '; '
            order by charge_id
        ) as evidence
    from claimed
    group by difference_number, cause
    having sum(amount) <> 0

),

difference_causes as (

    select
        difference_number,
        cause,
        variant,
        from_amount,
        to_amount,
        from_amount - to_amount as amount,
        null::text as evidence
    from steps
    union all
    select
        difference_number,
        cause,
        'item' as variant,
        null::numeric as from_amount,
        null::numeric as to_amount,
        amount,
        evidence
    from claims

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
        subscription_id,
        period_start,
        period_end,
        'changed_in_odoo' as cause,
        changed_amount as amount,
        'document ' || changed_documents as evidence
    from compared_with_odoo
    where changed_documents is not null

),

credited as (

    select
        subscription_id,
        period_start,
        period_end,
        'credited' as cause,
        credited_amount as amount,
        'credit note ' || credit_notes as evidence
    from compared_with_odoo
    where credit_notes is not null

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
