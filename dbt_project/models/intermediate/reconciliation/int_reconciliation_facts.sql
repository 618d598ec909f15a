{{ config(post_hook='analyze {{ this }}') }}

-- What invoice facts prove, before anything is supposed. A void invoice is first taken back as a
-- whole, then looked at like any other, so that the rest compares with what it said.
with charges as (

    select *
    from {{ ref('int_app_charges_by_period') }}
    where item_kind <> 'tax' and amount <> 0

),

findings as (

    select * from {{ ref('int_app_invoice_findings') }}

),

judged as (

    select
        charges.subscription_id,
        charges.period_start,
        charges.period_end,
        charges.charge_id,
        charges.item_kind,
        charges.description,
        charges.amount,
        charges.currency,
        charges.invoice_number,
        findings.is_unreplaced_void,
        findings.original_number,
        case
            when findings.is_duplicate then 'duplicate_invoice'
            when charges.item_kind in ('credit', 'discount') then 'void_or_credit'
            when charges.item_kind = 'one_off' then 'one_off'
            when charges.item_kind = 'tax_in_net' or findings.is_tax_included then 'tax_included'
        end as item_cause,
        case
            when
                findings.is_tax_included and not findings.is_duplicate
                and charges.item_kind not in ('credit', 'discount', 'one_off', 'tax_in_net')
                then charges.amount - {{ round_money(
                    'charges.amount / (1 + findings.tax_rate)', 'charges.decimals'
                ) }}
            else charges.amount
        end as peeled_amount
    from charges
    inner join findings
        on
            charges.invoice_id = findings.invoice_id
            and charges.period_start = findings.period_start
            and charges.period_end = findings.period_end
    where findings.is_counted or findings.is_unreplaced_void

),

voids as (

    select
        *,
        'void_or_credit' as cause,
        amount as explained_amount,
        'invoice ' || invoice_number || ' is void' as evidence
    from judged
    where is_unreplaced_void

),

peeled as (

    select
        *,
        item_cause as cause,
        -peeled_amount as explained_amount,
        case item_cause
            when 'duplicate_invoice'
                then 'invoice ' || invoice_number || ' repeats ' || original_number
            when 'tax_included' then 'invoice ' || invoice_number || ' has its tax in the amounts'
            else
                'invoice ' || invoice_number || ' has ' || replace(item_kind, '_', '-')
                || ' item "' || coalesce(description, '') || '"'
        end as evidence
    from judged
    where item_cause is not null

),

unioned as (

    select * from voids
    union all
    select * from peeled

),

final as (

    select
        subscription_id,
        period_start,
        period_end,
        cause,
        min(currency) as currency,
        sum(explained_amount) as amount,
        string_agg(distinct evidence, '; ' order by evidence) as evidence,
        array_agg(distinct invoice_number order by invoice_number) as invoice_numbers
    from unioned
    group by subscription_id, period_start, period_end, cause
    having sum(explained_amount) <> 0

)

select * from final
