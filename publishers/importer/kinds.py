"""The kinds of records that the importer writes, in the order in which they need each other.

Nothing flows in; specifications flow out: which model, which fields, of what type, and how a record
that is there already is recognised. What is not listed here is never written.
"""

from dataclasses import dataclass, field
from typing import Literal

FieldType = Literal["text", "flag", "number", "reference", "currency", "country", "state"]
# An order's only line travels with it, as in load(): order_line/price_unit.
LINE = "order_line/"
EXTERNAL_ID_MODULE = "dwh_imp"


@dataclass(frozen=True)
class FieldSpec:
    """One field that is compared and written. `is_strict`: any change in Odoo is a conflict.

    `is_optional`: where this Odoo lacks it, the record is written without it.
    """

    name: str
    type: FieldType = "text"
    is_strict: bool = False
    is_optional: bool = False

    @property
    def column(self) -> str:
        """The column of load(): links go by Odoo's own ids, never by codes or names."""
        return self.name if self.type in ("text", "flag", "number") else f"{self.name}/.id"

    @property
    def is_of_line(self) -> bool:
        return self.name.startswith(LINE)


@dataclass(frozen=True)
class Kind:
    """One kind. `constants` are sent when a record is created and never compared.

    `natural_key`: the field by which a record that somebody else made is recognised.
    `archived_by`: what takes a record out of use; None where Odoo has nothing for it.
    `must_be_empty`: fields that would make Odoo bill by itself.
    """

    name: str
    model: str
    title: str
    fields: tuple[FieldSpec, ...]
    natural_key: tuple[str, ...]
    constants: dict[str, str] = field(default_factory=dict)
    archived_by: Literal["active", "cancel"] | None = None
    must_be_empty: tuple[str, ...] = ()

    @property
    def is_referred_to(self) -> bool:
        """Do records of other kinds need its Odoo id?"""
        return self.name in ("service", "metric", "partner", "product")

    def spec(self, name: str) -> FieldSpec:
        """The field of this name."""
        return next(each for each in self.fields if each.name == name)


SERVICE = Kind(
    "service", "fusion.billing.service", "services",
    (FieldSpec("code"), FieldSpec("name")),
    natural_key=("code",), constants={"active": "1"},
)  # fmt: skip
METRIC = Kind(
    "metric", "fusion.billing.metric", "metrics",
    (FieldSpec("code"), FieldSpec("name"), FieldSpec("aggregation", is_strict=True)),
    natural_key=("code",),
)  # fmt: skip
PARTNER = Kind(
    "partner", "res.partner", "partners",
    (
        FieldSpec("name"), FieldSpec("is_company", "flag"), FieldSpec("email"), FieldSpec("ref"),
        FieldSpec("country_id", "country"), FieldSpec("state_id", "state"),
        FieldSpec("active", "flag"),
    ),
    natural_key=("ref",), constants={"customer_rank": "1"}, archived_by="active",
)  # fmt: skip
ACCOUNT_LINK = Kind(
    "account_link", "fusion.billing.account.link", "account links",
    (
        FieldSpec("service_id", "reference"), FieldSpec("external_account_id"),
        FieldSpec("partner_id", "reference", is_strict=True),
    ),
    natural_key=("external_account_id", "service_id"),
)  # fmt: skip
PRODUCT = Kind(
    "product", "product.template", "products",
    (
        FieldSpec("name"), FieldSpec("default_code"), FieldSpec("list_price", "number"),
        FieldSpec("active", "flag"),
    ),
    natural_key=("default_code",), archived_by="active",
    constants={"type": "service", "sale_ok": "1", "purchase_ok": "0", "invoice_policy": "order"},
)  # fmt: skip
CHARGE = Kind(
    "charge", "fusion.billing.charge", "charges",
    (
        FieldSpec("service_id", "reference"), FieldSpec("plan_code"),
        FieldSpec("metric_id", "reference"), FieldSpec("included_quantity", "number"),
        FieldSpec("price_per_unit", "number"), FieldSpec("currency_id", "currency"),
        FieldSpec("active", "flag"),
    ),
    natural_key=("plan_code", "metric_id", "service_id"), archived_by="active",
    must_be_empty=("plan_id",),
)  # fmt: skip
ORDER = Kind(
    "order", "sale.order", "draft orders",
    (
        FieldSpec("partner_id", "reference"), FieldSpec("client_order_ref"),
        FieldSpec("x_fc_nexacloud_subscription_id", is_optional=True), FieldSpec("date_order"),
        FieldSpec(f"{LINE}product_id", "reference"), FieldSpec(f"{LINE}name"),
        FieldSpec(f"{LINE}price_unit", "number"), FieldSpec("active", "flag"),
    ),
    natural_key=("x_fc_nexacloud_subscription_id",), archived_by="cancel",
    constants={"origin": "NexaCloud import", f"{LINE}product_uom_qty": "1"},
    must_be_empty=("plan_id",),
)  # fmt: skip

KINDS = (SERVICE, METRIC, PARTNER, ACCOUNT_LINK, PRODUCT, CHARGE, ORDER)
BY_NAME = {kind.name: kind for kind in KINDS}
# Set on new products: the company's own sale tax, since Odoo would take those of all companies.
PRODUCT_TAX = "taxes_id/.id"
