from recon_world import AS_OF

MODELS = """int_app_invoice_charges int_app_invoices_by_period int_app_invoice_findings int_app_charges_by_period
int_one_off_candidates int_reconciliation_claims int_reconciliation_facts int_reconciliation_said
rpt_tax_by_province cutover_readiness int_usage_unpriced_records int_price_book int_price_book_tiers int_segment_charges
int_segment_prices int_lifecycle_documents fct_invoice_line_taxes int_hypothesis_singles int_hypothesis_pairs int_odoo_prices
int_charge_inputs int_rated_charges""".split()
SEEDS = "services metrics charges charge_tiers product_map unit_costs customer_overrides fct_one_off_invoices int_line_usage".split()


def test_units(sample):
    sample.dbt.build(MODELS, {"as_of": AS_OF.isoformat()}, types=("unit_test",))


def test_seeds(sample):
    sample.dbt.build([*SEEDS, "assert_the_price_book_can_be_rated", "assert_no_column_is_a_float"], {"as_of": AS_OF.isoformat()}, types=("test",))
