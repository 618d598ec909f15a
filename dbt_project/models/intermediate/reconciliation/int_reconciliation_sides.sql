{{ config(post_hook='analyze {{ this }}') }}

-- Expected, actual and billed beside each other, for periods that are over.
with rated_lines as not materialized (

    select * from {{ ref('int_rated_lines') }}

),

customers as (

    select * from {{ ref('int_customer_partners') }}

),

partner_taxes as (

    select *
    from {{ ref('int_partner_taxes') }}
    where is_taxable_resolved

),

company as (

    select coalesce(max(tax_rounding_method), 'round_globally') as tax_rounding_method
    from {{ ref('stg_odoo__res_company') }}
    where company_id = {{ var('odoo_company_id', 1) }}

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

charges as (

    select *
    from {{ ref('int_app_charges') }}
    where invoice_status <> 'draft'

),

published_lines as (

    select * from {{ ref('int_published_lines') }}

),

gates as (

    select * from {{ ref('stg_ops__cutover_gates') }}

),

rated as (

    select
        service,
        subscription_id,
        external_subscription_id,
        service_period_start as period_start,
        service_period_end as period_end,
        max(external_customer_id) as external_customer_id,
        min(segment_start) as held_from,
        coalesce(min(currency) filter (where amount <> 0), min(currency)) as currency,
        count(distinct currency) filter (where amount <> 0) as currency_count,
        -- The plan at the end of the period is the one that a person has in mind.
        (array_agg(plan_code order by segment_start desc))[1] as plan_code,
        coalesce(
            (array_agg(unit_price order by segment_start desc) filter (where kind = 'base'))[1], 0
        ) as list_amount,
        sum(amount) as expected_amount,
        array_agg(amount) filter (where amount <> 0) as line_amounts,
        array_agg(line_key order by segment_start, kind, charge) filter (where amount <> 0)
            as line_keys
    from rated_lines
    group by
        service, subscription_id, external_subscription_id, service_period_start,
        service_period_end

),

taxed as (

    select
        rated.subscription_id,
        rated.period_start,
        rated.period_end,
        sum(
            case company.tax_rounding_method
                when 'round_per_line'
                    then (
                        select sum({{ round_money(
                            'line.amount * component.rate', decimals_of('currencies')
                        ) }})
                        from unnest(rated.line_amounts) as line (amount)
                    )
                else {{ round_money(
                    'rated.expected_amount * component.rate', decimals_of('currencies')
                ) }}
            end
        ) as tax_amount
    from rated
    inner join customers
        on
            rated.service = customers.service
            and rated.external_customer_id = customers.external_customer_id
            and {{ in_force_at('customers', 'rated.held_from') }}
    inner join partner_taxes
        on
            customers.named_partner_id = partner_taxes.partner_id
            and {{ in_force_at('partner_taxes', 'rated.held_from') }}
    cross join company
    left join currencies on rated.currency = currencies.currency_code
    left join lateral (
        select (listed.tax ->> 'rate')::numeric / 100 as rate
        from jsonb_array_elements(partner_taxes.components) as listed (tax)
    ) as component on true
    group by rated.subscription_id, rated.period_start, rated.period_end

),

expected as (

    select
        rated.service,
        rated.subscription_id,
        rated.external_subscription_id,
        rated.period_start,
        rated.period_end,
        rated.external_customer_id,
        rated.currency,
        rated.currency_count,
        rated.plan_code,
        rated.list_amount,
        rated.expected_amount,
        rated.line_keys,
        -- Null where the customer's taxes are not resolved: no tax is not the same as unknown tax.
        case when taxed.subscription_id is not null then coalesce(taxed.tax_amount, 0) end
            as expected_tax_amount
    from rated
    left join taxed
        on
            rated.subscription_id = taxed.subscription_id
            and rated.period_start = taxed.period_start
            and rated.period_end = taxed.period_end

),

actual as (

    select
        service,
        subscription_id,
        external_subscription_id,
        period_start,
        period_end,
        max(external_customer_id) as external_customer_id,
        min(currency) filter (where is_counted) as currency,
        count(distinct currency) filter (where is_counted) as currency_count,
        coalesce(sum(amount) filter (where is_counted and item_kind <> 'tax'), 0) as actual_amount,
        coalesce(sum(amount) filter (where is_counted and item_kind = 'tax'), 0)
            as actual_tax_amount,
        count(distinct invoice_id) filter (where is_counted) as counted_invoice_count,
        coalesce(
            array_agg(distinct invoice_number order by invoice_number) filter (where is_counted),
            '{}'::text[]
        ) as invoice_numbers,
        coalesce(
            array_agg(distinct invoice_number order by invoice_number)
            filter (where invoice_status = 'void'),
            '{}'::text[]
        ) as void_invoice_numbers
    from charges
    group by
        service, subscription_id, external_subscription_id, period_start, period_end

),

rated_ends as (

    select
        subscription_id,
        service_period_start,
        currency,
        charge,
        max(service_period_end) as service_period_end
    from rated_lines
    group by subscription_id, service_period_start, currency, charge

),

published as (

    select
        *,
        coalesce(corrects_period_start, service_period_start) as period_start,
        case
            when
                count(*) filter (where kind <> 'credit' and publication_state <> 'released')
                    over same_charge > 0
                then
                    max(service_period_end) filter (where publication_state <> 'released')
                        over same_charge
        end as billed_until
    from published_lines
    window same_charge as (
        partition by
            subscription_id, coalesce(corrects_period_start, service_period_start), currency,
            charge
    )

),

-- Each published line under the key that it is compared on: the period that it was made for or
-- corrects. Where that period has another end today (the plan's interval changed in it, and showed
-- late), the rating's end counts, or line and rating would stand on two keys.
placed as (

    select
        published.*,
        coalesce(
            rated_ends.service_period_end, published.billed_until, published.service_period_end
        ) as period_end
    from published
    left join rated_ends
        on
            published.subscription_id = rated_ends.subscription_id
            and published.period_start = rated_ends.service_period_start
            and published.currency = rated_ends.currency
            and published.charge = rated_ends.charge

),

-- What was published for a service period plus the adjustments that correct it, whenever billed. Of
-- it: what Odoo no longer holds as it was sent, and what a person gave back.
billed as (

    select
        service,
        subscription_id,
        external_subscription_id,
        period_start,
        period_end,
        min(currency) as currency,
        count(distinct currency) as currency_count,
        sum(billed_amount) as billed_amount,
        array_agg(distinct document_key order by document_key) as document_keys,
        sum(frozen_amount - billed_amount)
        filter (where frozen_amount <> billed_amount and kind <> 'credit') as changed_amount,
        string_agg(
            distinct
            document_key || ' (' || coalesce(finding, move_state, publication_state) || ')', ', '
        ) filter (where frozen_amount <> billed_amount and kind <> 'credit') as changed_documents,
        -- What Odoo holds of it: a credit note that was cancelled gives nothing back.
        -sum(billed_amount) filter (where kind = 'credit') as credited_amount,
        string_agg(distinct coalesce(odoo_name, document_key), ', ')
        filter (where kind = 'credit') as credit_notes
    from placed
    group by service, subscription_id, external_subscription_id, period_start, period_end

),

-- Every key that any side knows. By union, not by a full join: it stays on one shard, and a NULL key
-- joins nothing.
keys as (

    select
        service,
        subscription_id,
        external_subscription_id,
        period_start,
        period_end
    from expected
    union
    select
        service,
        subscription_id,
        external_subscription_id,
        period_start,
        period_end
    from actual
    union
    select
        service,
        subscription_id,
        external_subscription_id,
        period_start,
        period_end
    from billed

),

-- Amounts in two currencies have no sum: such a key is shown, and never compared.
-- From its gate on a subscription is compared with what Odoo holds, before it with the app.
joined as (

    select
        keys.service,
        keys.subscription_id,
        keys.external_subscription_id,
        keys.period_start,
        keys.period_end,
        coalesce(expected.external_customer_id, actual.external_customer_id)
            as external_customer_id,
        expected.plan_code,
        coalesce(expected.currency, actual.currency, billed.currency) as currency,
        coalesce(expected.list_amount, 0) as list_amount,
        coalesce(expected.expected_amount, 0) as expected_amount,
        expected.expected_tax_amount,
        coalesce(expected.line_keys, '{}'::text[]) as line_keys,
        coalesce(actual.actual_amount, 0) as actual_amount,
        coalesce(actual.actual_tax_amount, 0) as actual_tax_amount,
        coalesce(actual.counted_invoice_count, 0) as counted_invoice_count,
        coalesce(actual.invoice_numbers, '{}'::text[]) as invoice_numbers,
        coalesce(actual.void_invoice_numbers, '{}'::text[]) as void_invoice_numbers,
        coalesce(billed.billed_amount, 0) as billed_amount,
        coalesce(billed.document_keys, '{}'::text[]) as document_keys,
        billed.changed_amount,
        billed.changed_documents,
        billed.credited_amount,
        billed.credit_notes,
        coalesce(gates.is_open and gates.from_period_start <= keys.period_start, false)
        or (billed.subscription_id is not null and coalesce(actual.counted_invoice_count, 0) = 0)
            as is_billed_compared,
        coalesce(expected.currency_count, 0) > 1 as is_expected_in_several_currencies,
        coalesce(actual.currency <> expected.currency, false)
        or coalesce(actual.currency_count, 0) > 1 as is_actual_in_other_currency,
        coalesce(billed.currency <> expected.currency, false)
        or coalesce(billed.currency_count, 0) > 1 as is_billed_in_other_currency
    from keys
    left join expected
        on
            keys.subscription_id = expected.subscription_id
            and keys.period_start = expected.period_start
            and keys.period_end = expected.period_end
    left join actual
        on
            keys.subscription_id = actual.subscription_id
            and keys.period_start = actual.period_start
            and keys.period_end = actual.period_end
    left join billed
        on
            keys.subscription_id = billed.subscription_id
            and keys.period_start = billed.period_start
            and keys.period_end = billed.period_end
    left join gates on keys.subscription_id = gates.subscription_id

),

final as (

    select
        *,
        expected_amount - case when is_billed_compared then billed_amount else actual_amount end
            as delta_amount,
        is_expected_in_several_currencies or case
            when is_billed_compared then is_billed_in_other_currency
            else is_actual_in_other_currency
        end as is_other_currency
    from joined
    where
        period_end <= {{ as_of() }}
        and (
            expected_amount <> 0 or actual_amount <> 0 or actual_tax_amount <> 0
            or billed_amount <> 0
        )

)

select * from final
