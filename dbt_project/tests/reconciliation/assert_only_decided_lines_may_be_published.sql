-- Exists for the failure in which a line reaches Odoo that nobody decided about: each must have an
-- open gate that begins no later, an approval at its very content, a partner, and no document yet.
with lines as (

    select * from {{ ref('invoice_lines_to_publish') }}

),

gates as (

    select * from {{ ref('stg_ops__cutover_gates') }}

),

approvals as (

    select * from {{ ref('stg_ops__line_approval_status') }}

),

published as (

    select * from {{ ref('int_published_lines') }}

)

select lines.line_key
from lines
left join gates on lines.subscription_id = gates.subscription_id
left join approvals
    on lines.line_key = approvals.line_key and lines.content_hash = approvals.content_hash
left join published on lines.line_key = published.line_key
where
    not coalesce(gates.is_open, false)
    or lines.service_period_start < gates.from_period_start
    or not coalesce(approvals.is_approved, false)
    or published.line_key is not null
    or lines.partner_id is null
    or lines.amount = 0
    or not lines.is_billable
