{{ config(post_hook='analyze {{ this }}') }}

-- After the gate a difference has plain reasons: lines that are not in Odoo yet, lines that Odoo no
-- longer holds as they were sent, and what a person gave back. Together they are the whole of it.
with sides as (

    select *
    from {{ ref('int_reconciliation_sides') }}
    where is_billed_compared and not is_other_currency

),

lines as (

    select * from {{ ref('fct_invoice_lines') }}

),

published as (

    select * from {{ ref('int_reconciliation_published') }}

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
    from sides
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
    from sides
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
    from sides
    inner join published
        on
            sides.subscription_id = published.subscription_id
            and sides.period_start = published.period_start
            and sides.period_end = published.period_end
    where published.kind = 'credit'
    group by sides.subscription_id, sides.period_start, sides.period_end

),

final as (

    select * from waiting
    where amount <> 0
    union all
    select * from altered
    where amount <> 0
    union all
    select * from credited
    where amount <> 0

)

select * from final
