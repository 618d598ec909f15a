"""Odoo's half of the list in tables.py: models and the fields that are read, no others.

A field or model that this Odoo lacks is reported and loaded as NULL or as an empty table. Fields
that fail a whole read for a least-privileged user (transaction_ids, amount_paid) must not come in
here.
"""

from __future__ import annotations

from loaders.contracts import DAILY, LOADED_AT, Table, odoo_table

ODOO: tuple[Table, ...] = (
    odoo_table(
        "res.company",
        "name char, partner_id many2one, currency_id many2one, account_fiscal_country_id many2one,"
        " tax_calculation_rounding_method selection, account_sale_tax_id many2one,"
        " account_price_include selection, fiscalyear_lock_date date, tax_lock_date date,"
        " sale_lock_date date, hard_lock_date date, write_date datetime",
        "The issuing companies: rounding method, default tax, lock dates.",
        watermark=None,
    ),
    odoo_table(
        "res.currency",
        "name char, decimal_places integer, rounding float, active boolean, write_date datetime",
        "Currencies and their decimals.",
        watermark=None,
    ),
    odoo_table("res.country", "code char, name char", "Countries.", watermark=None),
    odoo_table(
        "res.country.state",
        "code char, name char, country_id many2one",
        "Provinces and states: they decide the taxes.",
        watermark=None,
    ),
    odoo_table(
        "res.partner",
        "name char, is_company boolean, parent_id many2one, commercial_partner_id many2one,"
        " type selection, active boolean, ref char, vat char, email char, phone char, street char,"
        " street2 char, city char, zip char, state_id many2one, country_id many2one,"
        " lang selection, company_id many2one, customer_rank integer,"
        " property_payment_term_id many2one, property_account_position_id many2one,"
        " create_date datetime, write_date datetime",
        "Customers and contacts, archived ones included.",
        sweep_every=DAILY,
        is_versioned=True,
    ),
    odoo_table(
        "product.template",
        "name char, default_code char, type selection, active boolean, sale_ok boolean,"
        " list_price float, uom_id many2one, categ_id many2one, taxes_id many2many,"
        " company_id many2one, product_variant_ids one2many, create_date datetime,"
        " write_date datetime",
        "The catalogue. Read whole: writing a tax on a product is seen from both sides.",
        watermark=None,
    ),
    odoo_table(
        "product.product",
        "product_tmpl_id many2one, default_code char, active boolean, name char, list_price float,"
        " lst_price float, type selection, uom_id many2one, categ_id many2one,"
        " taxes_id many2many, company_id many2one, create_date datetime, write_date datetime",
        "The variants that invoice lines name. Read whole: most fields are the template's.",
        watermark=None,
        is_versioned=True,
    ),
    odoo_table(
        "account.tax",
        "name char, amount float, amount_type selection, type_tax_use selection,"
        " price_include boolean, price_include_override selection, include_base_amount boolean,"
        " is_base_affected boolean, sequence integer, active boolean, company_id many2one,"
        " country_id many2one, tax_group_id many2one, children_tax_ids many2many,"
        " fiscal_position_ids many2many, original_tax_ids many2many, write_date datetime",
        "Taxes, groups and which tax replaces which. Read whole: relations move no write_date.",
        watermark=None,
    ),
    odoo_table(
        "account.fiscal.position",
        "name char, sequence integer, active boolean, auto_apply boolean, vat_required boolean,"
        " country_id many2one, country_group_id many2one, state_ids many2many, zip_from char,"
        " zip_to char, tax_ids many2many, company_id many2one, write_date datetime",
        "Which province gets which taxes. Read whole: relations move no write_date.",
        watermark=None,
    ),
    odoo_table(
        "account.move",
        "name char, ref char, move_type selection, state selection, payment_state selection,"
        " date date, invoice_date date, invoice_date_due date, partner_id many2one,"
        " commercial_partner_id many2one, partner_shipping_id many2one,"
        " fiscal_position_id many2one, journal_id many2one, company_id many2one,"
        " currency_id many2one, invoice_currency_rate float, invoice_payment_term_id many2one,"
        " amount_untaxed monetary, amount_tax monetary, amount_total monetary,"
        " amount_residual monetary, amount_untaxed_signed monetary, amount_tax_signed monetary,"
        " amount_total_signed monetary, amount_residual_signed monetary,"
        " reversed_entry_id many2one, payment_reference char, invoice_origin char,"
        " create_uid many2one, write_uid many2one, create_date datetime, write_date datetime",
        "Invoices and other entries: state, payment state, totals.",
        sweep_every=DAILY,
    ),
    odoo_table(
        "account.move.line",
        "move_id many2one, display_type selection, sequence integer, name char,"
        " product_id many2one, quantity float, price_unit float, discount float,"
        " price_subtotal monetary, price_total monetary, balance monetary,"
        " amount_currency monetary, currency_id many2one, tax_ids many2many,"
        " tax_line_id many2one, group_tax_id many2one, tax_base_amount monetary,"
        " account_id many2one, partner_id many2one, company_id many2one, date date,"
        " date_maturity date, parent_state selection, reconciled boolean,"
        " amount_residual monetary, full_reconcile_id many2one, matching_number char,"
        " analytic_distribution json, sale_line_ids many2many, create_date datetime,"
        " write_date datetime",
        "The lines of those entries: products, taxes, receivables.",
        sweep_every=DAILY,
        indexes=(LOADED_AT,),
    ),
    odoo_table(
        "account.payment",
        "name char, date date, state selection, payment_type selection, partner_type selection,"
        " partner_id many2one, amount monetary, currency_id many2one, company_id many2one,"
        " journal_id many2one, payment_method_line_id many2one, memo char, payment_reference char,"
        " move_id many2one, is_reconciled boolean, is_matched boolean, invoice_ids many2many,"
        " payment_transaction_id many2one, create_date datetime, write_date datetime",
        "Payments and what they paid.",
        sweep_every=DAILY,
    ),
    odoo_table(
        "account.partial.reconcile",
        "debit_move_id many2one, credit_move_id many2one, amount monetary, max_date date,"
        " full_reconcile_id many2one, company_id many2one, create_date datetime,"
        " write_date datetime",
        "Which line paid which. A row is deleted, not changed, when a payment is taken back.",
    ),
    odoo_table(
        "payment.transaction",
        "reference char, provider_id many2one, provider_code selection, provider_reference char,"
        " state selection, state_message text, last_state_change datetime, amount monetary,"
        " currency_id many2one, partner_id many2one, invoice_ids many2many,"
        " sale_order_ids many2many, payment_id many2one, operation selection,"
        " source_transaction_id many2one, is_post_processed boolean, create_date datetime,"
        " write_date datetime",
        "Online payments: the only place where a failed one can be seen.",
        sweep_every=DAILY,
    ),
    odoo_table(
        "sale.order",
        "name char, state selection, partner_id many2one, partner_invoice_id many2one,"
        " partner_shipping_id many2one, client_order_ref char, origin char, date_order datetime,"
        " validity_date date, fiscal_position_id many2one, pricelist_id many2one,"
        " currency_id many2one, payment_term_id many2one, user_id many2one, company_id many2one,"
        " amount_untaxed monetary, amount_tax monetary, amount_total monetary,"
        " invoice_status selection, is_subscription boolean, plan_id many2one,"
        " subscription_state selection, x_fc_nexacloud_subscription_id char,"
        " create_date datetime, write_date datetime",
        "Orders. On Enterprise a subscription is an order with is_subscription.",
        sweep_every=DAILY,
        is_versioned=True,
    ),
    odoo_table(
        "sale.order.line",
        "order_id many2one, sequence integer, name text, product_id many2one,"
        " product_uom_qty float, product_uom_id many2one, price_unit float, discount float,"
        " tax_ids many2many, price_subtotal monetary, price_tax float, price_total monetary,"
        " qty_delivered float, qty_invoiced float, qty_to_invoice float,"
        " invoice_status selection, invoice_lines many2many, display_type selection,"
        " state selection, is_downpayment boolean, create_date datetime, write_date datetime",
        "The lines of those orders: the shadow prices.",
        sweep_every=DAILY,
        is_versioned=True,
    ),
    odoo_table(
        "sale.subscription.plan",
        "name char, active boolean, billing_period_value integer, billing_period_unit selection,"
        " company_id many2one, write_date datetime",
        "Recurrences of Enterprise subscriptions.",
        watermark=None,
        is_versioned=True,
    ),
    odoo_table(
        "fusion.billing.service",
        "code char, name char, active boolean, write_date datetime",
        "The services that bill through Odoo.",
        watermark=None,
    ),
    odoo_table(
        "fusion.billing.account.link",
        "service_id many2one, external_account_id char, partner_id many2one, write_date datetime",
        "Which account of a service is which partner.",
        watermark=None,
        is_versioned=True,
    ),
    odoo_table(
        "fusion.billing.metric",
        "code char, name char, aggregation selection, write_date datetime",
        "What is metered, and how it is aggregated.",
        watermark=None,
        is_versioned=True,
    ),
    odoo_table(
        "fusion.billing.charge",
        "service_id many2one, plan_code char, plan_id many2one, metric_id many2one,"
        " included_quantity float, price_per_unit float, currency_id many2one, active boolean,"
        " write_date datetime",
        "Odoo's price per unit. Without plan_id it is a shadow: it bills nothing by itself.",
        watermark=None,
        is_versioned=True,
    ),
    odoo_table(
        "fusion.billing.usage",
        "service_id many2one, subscription_id many2one, external_subscription_id char,"
        " metric_id many2one, period_start datetime, period_end datetime, quantity float,"
        " idempotency_key char, write_date datetime",
        "Rollups that the apps push: the usage of every service but NexaCloud.",
        sweep_every=DAILY,
    ),
    odoo_table(
        "fusion.billing.reconciliation",
        "service_id many2one, external_subscription_id char, period char, odoo_amount monetary,"
        " app_amount monetary, delta monetary, status selection, write_date datetime",
        "The old tool's verdicts, kept for comparison.",
    ),
)
