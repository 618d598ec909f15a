{{ config(post_hook='analyze {{ this }}') }}

-- Expected, actual and billed beside each other, for periods that are over. Keys by union, not by a
-- full join: it stays on one shard, and a NULL key joins nothing.
with expected as (

    select * from {{ ref('int_reconciliation_expected') }}

),

actual as (

    select * from {{ ref('int_reconciliation_actual') }}

),

billed as (

    select * from {{ ref('int_reconciliation_billed') }}

),

gates as (

    select * from {{ ref('int_cutover_gates') }}

),

keys as (

    select * from {{ ref('int_reconciliation_keys') }}

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
