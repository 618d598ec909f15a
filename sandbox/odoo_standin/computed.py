"""Fields that Odoo computes and does not store, as SQL over the row `t`.

Flows in: nothing. Flows out: expressions that reading, searching and ordering share, so that a
computed field behaves alike in all three.
"""

from __future__ import annotations

NO_RECORDS = "'{}'::bigint[]"


def _through(table: str, link: str, column: str) -> str:
    """Return the value of `column` of the row of `table` that `t.link` points to."""
    return f"(select x.{column} from {table} x where x.id = t.{link})"


def _listed(table: str, condition: str, order: str) -> str:
    return f"array(select x.id from {table} x where {condition} order by {order})"


def _move_title(alias: str) -> str:
    draft = f"""case when {alias}.state = 'draft' then case {alias}.move_type
        when 'out_invoice' then 'Draft Invoice ' when 'out_refund' then 'Draft Credit Note '
        when 'in_invoice' then 'Draft Bill ' when 'in_refund' then 'Draft Vendor Credit Note '
        else 'Draft Entry ' end else '' end"""
    return f"""rtrim({draft} || coalesce(nullif({alias}.name, '/'), ''))
        || case when coalesce({alias}.ref, '') = '' then '' else ' (' || {alias}.ref || ')' end"""


_PRODUCT_TITLE = """(case when t.default_code is null then '' else '[' || t.default_code || '] '
    end)"""

DISPLAY_NAME: dict[str, str] = {
    "account.move": _move_title("t"),
    "account.move.line": f"""(select {_move_title("m")}
        || coalesce(' ' || nullif(nullif(t.name, ''), m.name), '')
        from account_move m where m.id = t.move_id)""",
    "res.partner": "coalesce(t.complete_name, t.name)",
    "res.country.state": f"""t.name || ' ('
        || {_through("res_country", "country_id", "code")} || ')'""",
    "product.template": f"{_PRODUCT_TITLE} || t.name",
    "product.product": f"""{_PRODUCT_TITLE}
        || {_through("product_template", "product_tmpl_id", "name")}""",
    "res.users": _through("res_partner", "partner_id", "name"),
    "ir.model.data": "t.module || '.' || t.name",
    "sale.order.line": f"""{_through("sale_order", "order_id", "name")}
        || ' - ' || split_part(t.name, E'\\n', 1)""",
}

# A customer's own pricelist, else the first there is; Odoo would ask the country before that.
PRICELIST = """coalesce(
    (select l.id from product_pricelist l
     where l.id = t.specific_property_product_pricelist and l.active),
    (select l.id from product_pricelist l
     where l.active and (l.company_id is null
         or l.company_id = (select min(c.id) from res_company c))
     order by l.sequence, l.id limit 1))"""
_COMPANY_CURRENCY = _through("res_company", "company_id", "currency_id")
_TRANSACTIONS = _listed("payment_transaction", "t.id = any(x.invoice_ids)", "x.id desc")
_PAYMENTS = _listed("account_payment", "t.id = any(x.invoice_ids)", "x.date desc, x.name desc")
_PAID_PARTS = """select p.*,
        case when d.move_id = t.id then c.move_id else d.move_id end as other_id
    from account_partial_reconcile p
    join account_move_line d on d.id = p.debit_move_id
    join account_move_line c on c.id = p.credit_move_id
    where t.id in (d.move_id, c.move_id)"""

_ORDER_INVOICES = """array(select distinct x.move_id from account_move_line x
    join sale_order_line l on l.id = any(x.sale_line_ids) or x.id = any(l.invoice_lines)
    where l.order_id = t.id order by x.move_id)"""

COMPUTED: dict[str, dict[str, str]] = {
    "account.move": {
        "status_in_payment": """case when t.state <> 'posted' then t.state
            when t.payment_state in ('not_paid', 'blocked') then 'posted'
            else t.payment_state end""",
        "company_currency_id": _COMPANY_CURRENCY,
        "matched_payment_ids": _PAYMENTS,
        "reconciled_payment_ids": _PAYMENTS,
        "transaction_ids": _TRANSACTIONS,
        "transaction_count": f"cardinality({_TRANSACTIONS})",
        "authorized_transaction_ids": _listed(
            "payment_transaction", "t.id = any(x.invoice_ids) and x.state = 'authorized'", "x.id"
        ),
        "amount_paid": """(select coalesce(sum(x.amount), 0) from payment_transaction x
            where t.id = any(x.invoice_ids) and x.state in ('authorized', 'done'))""",
        "next_payment_date": """(select min(x.date_maturity) from account_move_line x
            where x.move_id = t.id and x.display_type = 'payment_term' and not x.reconciled
            and t.state = 'posted')""",
        "duplicated_ref_ids": _listed(
            "account_move",
            "x.ref = t.ref and x.id <> t.id and x.move_type = t.move_type"
            " and x.commercial_partner_id = t.commercial_partner_id",
            "x.id",
        ),
        "invoice_payments_widget": f"""(select jsonb_build_object('title', 'Less Payment',
            'outstanding', false, 'content', jsonb_agg(jsonb_build_object(
            'amount', p.amount, 'date', o.date, 'partial_id', p.id, 'move_id', o.id,
            'account_payment_id', coalesce(to_jsonb(o.origin_payment_id), 'false'::jsonb),
            'ref', coalesce(o.name, ''), 'is_refund', o.move_type in ('out_refund', 'in_refund'))
            order by p.id)) from ({_PAID_PARTS}) p join account_move o on o.id = p.other_id
            having count(*) > 0)""",
    },
    "account.move.line": {
        "move_name": _through("account_move", "move_id", "name"),
        "move_type": _through("account_move", "move_id", "move_type"),
        "parent_state": _through("account_move", "move_id", "state"),
        "date": _through("account_move", "move_id", "date"),
        "invoice_date": _through("account_move", "move_id", "invoice_date"),
        "ref": _through("account_move", "move_id", "ref"),
        "journal_id": _through("account_move", "move_id", "journal_id"),
        "payment_id": _through("account_move", "move_id", "origin_payment_id"),
        "company_currency_id": _COMPANY_CURRENCY,
        "debit": "greatest(t.balance, 0)",
        "credit": "greatest(-t.balance, 0)",
        "tax_group_id": _through("account_tax", "tax_line_id", "tax_group_id"),
    },
    "account.tax": {
        "price_include": f"""coalesce(t.price_include_override,
            {_through("res_company", "company_id", "account_price_include")}) = 'tax_included'""",
        "fiscal_position_ids": _listed(
            "account_fiscal_position", "t.id = any(x.tax_ids)", "x.sequence, x.id"
        ),
        "replacing_tax_ids": _listed(
            "account_tax", "t.id = any(x.original_tax_ids)", "x.sequence, x.id"
        ),
    },
    "account.fiscal.position": {
        "tax_map": """coalesce((select jsonb_object_agg(m.source, m.targets) from (
            select s.source, jsonb_agg(d.id order by d.sequence, d.id) as targets
            from account_tax d cross join unnest(d.original_tax_ids) as s (source)
            where d.id = any(t.tax_ids) group by s.source) m), '{}')""",
        "account_map": "'{}'::jsonb",
        "account_ids": NO_RECORDS,
    },
    "account.partial.reconcile": {"company_currency_id": _COMPANY_CURRENCY},
    "account.payment": {
        "company_currency_id": _COMPANY_CURRENCY,
        "amount_signed": "case when t.payment_type = 'outbound' then -t.amount else t.amount end",
        "reconciled_invoice_ids": "t.invoice_ids",
        "payment_method_code": "'manual'::text",
    },
    "res.partner": {
        "company_type": "case when t.is_company then 'company' else 'person' end",
        "currency_id": "(select c.currency_id from res_company c order by c.id limit 1)",
        "credit": """(select coalesce(sum(l.amount_residual), 0) from account_move_line l
            join account_move m on m.id = l.move_id and m.state = 'posted'
            join account_account a on a.id = l.account_id and a.account_type = 'asset_receivable'
            where l.partner_id = t.id)""",
        "property_account_receivable_id": """(select a.id from account_account a
            where a.account_type = 'asset_receivable' order by a.id limit 1)""",
        "property_product_pricelist": PRICELIST,
        "rtc_session_ids": NO_RECORDS,
    },
    "res.company": {
        "country_id": _through("res_partner", "partner_id", "country_id"),
        "state_id": _through("res_partner", "partner_id", "state_id"),
        "vat": _through("res_partner", "partner_id", "vat"),
        "email": _through("res_partner", "partner_id", "email"),
        "phone": _through("res_partner", "partner_id", "phone"),
    },
    "res.currency": {
        "rate": """coalesce((select r.rate from res_currency_rate r where r.currency_id = t.id
            and r.name <= current_date order by r.name desc limit 1), 1)"""
    },
    "res.users": {
        "name": _through("res_partner", "partner_id", "name"),
        "email": _through("res_partner", "partner_id", "email"),
        "lang": _through("res_partner", "partner_id", "lang"),
        "tz": _through("res_partner", "partner_id", "tz"),
        "share": "false",
        "password": "null::text",
    },
    "res.groups": {"full_name": "t.name"},
    "product.template": {
        "product_variant_id": """(select min(p.id) from product_product p
            where p.product_tmpl_id = t.id)""",
        "product_variant_count": """(select count(*) from product_product p
            where p.product_tmpl_id = t.id and p.active)""",
        "currency_id": "(select c.currency_id from res_company c order by c.id limit 1)",
        "standard_price": "0::numeric",
        "barcode": "(select min(p.barcode) from product_product p where p.product_tmpl_id = t.id)",
    },
    "product.product": {
        "currency_id": "(select c.currency_id from res_company c order by c.id limit 1)",
        "lst_price": _through("product_template", "product_tmpl_id", "list_price"),
    }
    | {
        name: _through("product_template", "product_tmpl_id", name)
        for name in (
            "name", "sale_ok", "purchase_ok", "list_price", "type", "uom_id", "categ_id",
            "taxes_id", "company_id", "description_sale", "invoice_policy",
        )
    },
    "sale.order": {
        "invoice_ids": _ORDER_INVOICES,
        "invoice_count": f"cardinality({_ORDER_INVOICES})",
        "amount_invoiced": "0::numeric",
        "amount_to_invoice": "t.amount_total",
        "transaction_ids": _listed("payment_transaction", "t.id = any(x.sale_order_ids)", "x.id"),
    },
    "sale.order.line": {
        "product_template_id": _through("product_product", "product_id", "product_tmpl_id"),
        "order_partner_id": _through("sale_order", "order_id", "partner_id"),
        "state": _through("sale_order", "order_id", "state"),
        "company_id": _through("sale_order", "order_id", "company_id"),
        "currency_id": _through("sale_order", "order_id", "currency_id"),
    },
    "payment.transaction": {"provider_code": _through("payment_provider", "provider_id", "code")},
    "ir.model.data": {"complete_name": "t.module || '.' || t.name"},
}  # fmt: skip

# Of a one2many, only the lines that Odoo counts to it.
ONE2MANY_CONDITION: dict[tuple[str, str], str] = {
    (
        "account.move",
        "invoice_line_ids",
    ): "x.display_type not in ('tax', 'payment_term', 'rounding')",
}

# Fields whose value comes from another model: who may not read that one gets an AccessError.
READS_MODEL: dict[tuple[str, str], str] = {
    ("account.move", "transaction_count"): "payment.transaction",
    ("account.move", "amount_paid"): "payment.transaction",
}
