"""Frozen columns are guarded by name, so that an ordinary step of a document costs no comparison.

Revision: 0005, after 0004.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FROZEN = {
    "publications": (
        "document_key, external_id, service, partner_id, billing_period_start, billing_period_end,"
        " currency, move_type, document_number, payload, payload_hash, expected_untaxed_amount,"
        " expected_tax_amount, expected_total_amount, rounding_method, invoice_date,"
        " invoice_date_due, reversed_entry_id, reversed_document_key, claimed_by, claimed_at"
    ),
    "publication_lines": (
        "document_key, line_key, content_hash, line_number, service, subscription_id,"
        " external_subscription_id, kind, charge, metric, plan_code, segment_start,"
        " service_period_start, service_period_end, corrects_period_start, adjustment_number,"
        " description, quantity, unit_price, amount, currency, tax_ids, partner_id, content"
    ),
}
REFUSE = """
create or replace function ops.refuse_thaw() returns trigger language plpgsql as $$
begin
    raise exception 'ops.% was frozen at claim: % may not be changed', tg_table_name, tg_argv[0]
        using errcode = 'insufficient_privilege';
end $$;
"""


def upgrade() -> None:
    """Triggers that fire only where a frozen column is named in an UPDATE."""
    op.execute(REFUSE)
    for table, columns in FROZEN.items():
        op.execute(f"drop trigger keep_frozen on ops.{table}")
        op.execute(
            f"create trigger keep_frozen before update of {columns} on ops.{table}"
            f" for each row execute function ops.refuse_thaw('{columns}')"
        )
    op.execute("drop function ops.keep_frozen()")


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
