-- Exists for the failure in which two one-off invoices are both called settled by the same invoice
-- in Odoo.
select
    odoo_move_id,
    count(*) as one_off_count
from {{ ref('fct_one_off_invoices') }}
where odoo_move_id is not null
group by odoo_move_id
having count(*) > 1
