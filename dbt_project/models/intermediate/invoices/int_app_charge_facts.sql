{{ config(post_hook='analyze {{ this }}') }}

-- What each invoice of the app proves about itself within one service period (that it is void and
-- nothing replaced it, that it is a copy of another, that its amounts contain the tax), and what that
-- takes off each of its charges before anything is supposed. A void invoice is first taken back as a
-- whole, then looked at like any other, so that what is left compares with what it says.
with charges as (

    select *
    from {{ ref('int_app_charges') }}
    where invoice_status <> 'draft'

),

customers as (

    select * from {{ ref('int_customer_partners') }}

),

partner_taxes as (

    select *
    from {{ ref('int_partner_taxes') }}
    where is_taxable_resolved

),

taxed as (

    select
        charges.*,
        coalesce(partner_taxes.rate_percent, 0) / 100 as tax_rate
    from charges
    left join customers
        on
            charges.service = customers.service
            and charges.external_customer_id = customers.external_customer_id
            and {{ in_force_at('customers', 'charges.period_start') }}
    left join partner_taxes
        on
            customers.named_partner_id = partner_taxes.partner_id
            and {{ in_force_at('partner_taxes', 'charges.period_start') }}

),

invoices as (

    select
        service,
        subscription_id,
        period_start,
        period_end,
        invoice_id,
        min(invoice_number) as invoice_number,
        min(issued_at) as issued_at,
        min(tax_rate) as tax_rate,
        bool_and(is_counted) as is_counted,
        bool_and(invoice_status = 'void') as is_void,
        array_agg(distinct item_kind) filter (where item_kind <> 'tax') as item_kinds,
        coalesce(bool_or(item_kind in ('tax', 'tax_in_net')), false) as has_tax,
        -- Quantity times price is the net: where every item says a gross amount, tax is inside.
        coalesce(
            bool_and(
                abs(
                    {{ round_money('quantity * unit_price', 'decimals') }}
                    - {{ round_money('amount / (1 + tax_rate)', 'decimals') }}
                ) <= {{ smallest_amount('decimals') }}
                and amount > {{ round_money('quantity * unit_price', 'decimals') }}
            ) filter (where item_kind in ('base', 'proration', 'usage') and amount <> 0), false
        ) as is_gross,
        -- Two invoices that say the same of the same time are one invoice, sent twice.
        jsonb_agg(
            jsonb_build_array(item_kind, charge_start, charge_end, amount)
            order by item_kind, charge_start, charge_end, amount
        ) filter (where item_kind <> 'tax') as fingerprint
    from taxed
    group by service, subscription_id, period_start, period_end, invoice_id

),

copies as (

    select
        *,
        row_number() over same as copy_number,
        first_value(invoice_number) over same as original_number
    from invoices
    window same as (
        partition by subscription_id, period_start, period_end, is_counted, fingerprint
        order by issued_at, invoice_number
    )

),

-- A void invoice beside a counted one of the same kind was replaced, and explains nothing; so was one
-- that a later invoice replaced which is void too: only the last of them was to be paid.
replaced as (

    select distinct
        voided.invoice_id,
        voided.period_start,
        voided.period_end
    from invoices as voided
    inner join invoices as other
        on
            voided.subscription_id = other.subscription_id
            and voided.period_start = other.period_start
            and voided.period_end = other.period_end
            and voided.item_kinds && other.item_kinds
    where
        voided.is_void
        and (
            other.is_counted
            or (
                other.is_void
                and (coalesce(other.issued_at, '-infinity'), other.invoice_number, other.invoice_id)
                > (coalesce(voided.issued_at, '-infinity'), voided.invoice_number, voided.invoice_id)
            )
        )

),

findings as (

    select
        copies.service,
        copies.subscription_id,
        copies.period_start,
        copies.period_end,
        copies.invoice_id,
        copies.invoice_number,
        copies.issued_at,
        copies.tax_rate,
        copies.is_counted,
        copies.is_void and replaced.invoice_id is null as is_unreplaced_void,
        copies.is_counted and copies.copy_number > 1 as is_duplicate,
        case when copies.copy_number > 1 then copies.original_number end as original_number,
        not copies.has_tax and copies.is_gross and copies.tax_rate > 0 as is_tax_included
    from copies
    left join replaced
        on
            copies.invoice_id = replaced.invoice_id
            and copies.period_start = replaced.period_start
            and copies.period_end = replaced.period_end

),

-- What a fact takes off: of a gross amount its tax, of anything else all of it.
judged as (

    select
        charges.*,
        findings.is_unreplaced_void,
        findings.is_duplicate,
        findings.original_number,
        fact.cause as fact_cause,
        case
            when fact.cause is null then 0
            when fact.cause = 'tax_included' and charges.item_kind <> 'tax_in_net'
                then charges.amount - {{ round_money(
                    'charges.amount / (1 + findings.tax_rate)', 'charges.decimals'
                ) }}
            else charges.amount
        end as fact_amount
    from charges
    inner join findings
        on
            charges.invoice_id = findings.invoice_id
            and charges.period_start = findings.period_start
            and charges.period_end = findings.period_end
    cross join lateral (
        select
            case
                when findings.is_duplicate then 'duplicate_invoice'
                when charges.item_kind in ('credit', 'discount') then 'void_or_credit'
                when charges.item_kind = 'one_off' then 'one_off'
                when charges.item_kind = 'tax_in_net' or findings.is_tax_included
                    then 'tax_included'
            end as cause
    ) as fact
    where
        charges.item_kind <> 'tax'
        and (findings.is_counted or findings.is_unreplaced_void)

),

final as (

    select
        judged.service,
        judged.subscription_id,
        judged.period_start,
        judged.period_end,
        judged.charge_id,
        judged.invoice_id,
        judged.invoice_number,
        judged.issued_at,
        judged.item_kind,
        judged.description,
        judged.charge_start,
        judged.charge_end,
        judged.quantity,
        judged.unit_price,
        judged.currency,
        judged.decimals,
        judged.amount,
        judged.is_unreplaced_void,
        judged.is_duplicate,
        judged.original_number,
        judged.fact_cause,
        judged.fact_amount,
        judged.amount - judged.fact_amount as invoiced_amount
    from judged

)

select * from final
