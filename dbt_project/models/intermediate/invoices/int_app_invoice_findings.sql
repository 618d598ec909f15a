{{ config(post_hook='analyze {{ this }}') }}

-- What each invoice of the app proves about itself, within one service period: that it is void and
-- nothing replaced it, that it is a copy of another, that its amounts contain the tax.
with invoices as (

    select * from {{ ref('int_app_invoices_by_period') }}

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

final as (

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

)

select * from final
