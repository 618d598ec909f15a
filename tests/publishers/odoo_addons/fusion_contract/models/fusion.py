from odoo import fields, models


class Plan(models.Model):
    _name = "sale.subscription.plan"
    _description = "Subscription Plan"
    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    billing_period_value = fields.Integer(required=True, default=1)
    billing_period_unit = fields.Selection(
        [("week", "Weeks"), ("month", "Months"), ("year", "Years")], required=True, default="month"
    )
    company_id = fields.Many2one("res.company")


class SaleOrder(models.Model):
    _inherit = "sale.order"
    plan_id = fields.Many2one("sale.subscription.plan")
    is_subscription = fields.Boolean(compute="_compute_is_subscription", store=True)
    subscription_state = fields.Selection(
        [
            ("1_draft", "Quotation"),
            ("2_renewal", "Renewal Quotation"),
            ("3_progress", "In Progress"),
            ("4_paused", "Paused"),
            ("5_renewed", "Renewed"),
            ("6_churn", "Churned"),
            ("7_upsell", "Upsell"),
        ]
    )
    x_fc_nexacloud_subscription_id = fields.Char(index=True)

    def _compute_is_subscription(self):
        for o in self:
            o.is_subscription = bool(o.plan_id)


class Service(models.Model):
    _name = "fusion.billing.service"
    _description = "Billing Service"
    code = fields.Char(required=True)
    name = fields.Char(required=True)
    active = fields.Boolean(default=True)


class Link(models.Model):
    _name = "fusion.billing.account.link"
    _description = "Account link"
    _rec_name = "external_account_id"
    service_id = fields.Many2one("fusion.billing.service", required=True)
    external_account_id = fields.Char(required=True)
    partner_id = fields.Many2one("res.partner", required=True)


class Metric(models.Model):
    _name = "fusion.billing.metric"
    _description = "Metric"
    code = fields.Char(required=True)
    name = fields.Char(required=True)
    aggregation = fields.Selection(
        [("sum", "Sum"), ("max", "Max"), ("last", "Last"), ("unique", "Unique")],
        required=True,
        default="sum",
    )


class Charge(models.Model):
    _name = "fusion.billing.charge"
    _description = "Charge"
    _rec_name = "plan_code"
    service_id = fields.Many2one("fusion.billing.service", required=True)
    plan_code = fields.Char(required=True)
    plan_id = fields.Many2one("sale.subscription.plan")
    metric_id = fields.Many2one("fusion.billing.metric", required=True)
    included_quantity = fields.Float()
    price_per_unit = fields.Float(digits=(16, 6))
    currency_id = fields.Many2one(
        "res.currency", required=True, default=lambda s: s.env.company.currency_id
    )
    active = fields.Boolean(default=True)


class Usage(models.Model):
    _name = "fusion.billing.usage"
    _description = "Usage"
    _rec_name = "idempotency_key"
    service_id = fields.Many2one("fusion.billing.service", required=True)
    subscription_id = fields.Many2one("sale.order")
    external_subscription_id = fields.Char()
    metric_id = fields.Many2one("fusion.billing.metric", required=True)
    period_start = fields.Datetime(required=True)
    period_end = fields.Datetime(required=True)
    quantity = fields.Float()
    idempotency_key = fields.Char(required=True)


class Recon(models.Model):
    _name = "fusion.billing.reconciliation"
    _description = "Reconciliation"
    _rec_name = "external_subscription_id"
    service_id = fields.Many2one("fusion.billing.service", required=True)
    external_subscription_id = fields.Char()
    period = fields.Char()
    currency_id = fields.Many2one("res.currency", default=lambda s: s.env.company.currency_id)
    odoo_amount = fields.Monetary()
    app_amount = fields.Monetary()
    delta = fields.Monetary()
    status = fields.Selection([("match", "Match"), ("differ", "Differ")])
