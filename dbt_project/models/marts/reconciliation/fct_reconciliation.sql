{{ config(
    indexes=[{'columns': ['period_start']}, {'columns': ['subscription_id', 'period_start']}],
) }}

with sides as (

    select * from {{ ref('int_reconciliation_sides') }}

),

causes as (

    select * from {{ ref('fct_reconciliation_causes') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

services as (

    select * from {{ ref('int_services') }}

),

explained as (

    select
        subscription_id,
        period_start,
        period_end,
        sum(amount) as explained_amount,
        array_agg(cause order by cause_order) as causes
    from causes
    group by subscription_id, period_start, period_end

),

judged as (

    select
        sides.*,
        customers.customer_name,
        customers.partner_id,
        coalesce(explained.explained_amount, 0) as explained_amount,
        sides.delta_amount - coalesce(explained.explained_amount, 0) as unexplained_amount,
        coalesce(explained.causes, '{}'::text[]) as causes,
        case
            -- Two issued for one period: no amount makes that right.
            when sides.actual_amount <> 0 and sides.billed_amount <> 0 then 'double_issuer'
            when sides.is_other_currency then 'not_comparable'
            when abs(sides.delta_amount) <= services.tolerance then 'match'
            when
                abs(sides.delta_amount - coalesce(explained.explained_amount, 0))
                <= services.tolerance and explained.subscription_id is not null
                then 'explained'
            when
                not sides.is_billed_compared and sides.counted_invoice_count = 0
                and explained.subscription_id is null
                then 'missing_actual'
            when sides.expected_amount = 0 and explained.subscription_id is null
                then 'missing_expected'
            else 'unexplained'
        end as status
    from sides
    inner join services on sides.service = services.service
    left join explained
        on
            sides.subscription_id = explained.subscription_id
            and sides.period_start = explained.period_start
            and sides.period_end = explained.period_end
    left join customers
        on
            sides.service = customers.service
            and sides.external_customer_id = customers.external_customer_id

),

final as (

    select
        service,
        subscription_id,
        external_subscription_id,
        external_customer_id,
        customer_name,
        partner_id,
        plan_code,
        period_start,
        period_end,
        currency,
        list_amount,
        expected_amount,
        actual_amount,
        billed_amount,
        case when is_billed_compared then 'billed' else 'actual' end as compared_side,
        delta_amount,
        explained_amount,
        unexplained_amount,
        status,
        causes,
        expected_tax_amount,
        actual_tax_amount,
        case when not is_billed_compared then expected_tax_amount - actual_tax_amount end
            as tax_delta_amount,
        invoice_numbers,
        void_invoice_numbers,
        document_keys,
        line_keys
    from judged

)

select * from final
