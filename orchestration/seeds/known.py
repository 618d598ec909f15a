"""What the warehouse knows of the names that seeds use: plans, metrics, currencies, subscriptions.

Flows in: a warehouse session. Flows out: names. Where nothing was loaded yet nothing is known, and
names are not judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg2.extensions import connection

# Every place that ever named a plan of a service, the history included: a price book also prices
# the time of a plan that is gone or renamed.
_PLANS = {
    "raw_nexacloud.plans": "select 'nexacloud', code from raw_nexacloud.plans",
    "snapshots.nexacloud_plans": "select 'nexacloud', code from snapshots.nexacloud_plans",
    "raw_odoo.fusion_billing_charge": (
        "select s.code, c.plan_code from raw_odoo.fusion_billing_charge as c"
        " join raw_odoo.fusion_billing_service as s on c.service_id = s.id"
    ),
    "snapshots.odoo_fusion_billing_charge": (
        "select s.code, c.plan_code from snapshots.odoo_fusion_billing_charge as c"
        " join raw_odoo.fusion_billing_service as s on c.service_id = s.id"
    ),
    # A recurring plan that no charge names is its own code, at any service.
    "raw_odoo.sale_subscription_plan": "select '*', name from raw_odoo.sale_subscription_plan",
}
_METRICS = {
    "raw_odoo.fusion_billing_metric": "select '*', code from raw_odoo.fusion_billing_metric"
}
_CURRENCIES = {"raw_odoo.res_currency": "select '*', upper(name) from raw_odoo.res_currency"}
# Only those that are asked for: there may be millions, and usage has no index by them.
_SUBSCRIPTIONS = {
    "raw_nexacloud.subscriptions": (
        "select 'nexacloud', id::text from raw_nexacloud.subscriptions"
        " where id::text = any(%(wanted)s)"
    ),
    "raw_odoo.sale_order": (
        "select '*', name from raw_odoo.sale_order where name = any(%(wanted)s)"
    ),
    "raw_odoo.fusion_billing_usage": (
        "select distinct '*', external_subscription_id from raw_odoo.fusion_billing_usage"
        " where external_subscription_id = any(%(wanted)s)"
    ),
}
ANY = "*"


@dataclass(frozen=True)
class Known:
    """Names by service; those under `*` are known at every service.

    `subscriptions` are those that were asked for and are there; None where nobody asked.
    """

    plans: Mapping[str, frozenset[str]] = field(default_factory=dict)
    metrics: Mapping[str, frozenset[str]] = field(default_factory=dict)
    currencies: frozenset[str] = frozenset()
    subscriptions: Mapping[str, frozenset[str]] | None = None

    def plans_of(self, service: str) -> frozenset[str]:
        """The plans of a service, now or ever."""
        return self.plans.get(service, frozenset()) | self.plans.get(ANY, frozenset())


def read(conn: connection, subscriptions: Collection[str] = ()) -> Known:
    """Everything that was loaded so far, of `subscriptions` which of them."""
    plans = _names(conn, _PLANS)
    is_asked = plans and subscriptions  # before the first load nothing is known to be missing
    wanted = sorted(subscriptions)
    return Known(
        plans=plans,
        metrics=_names(conn, _METRICS),
        currencies=_names(conn, _CURRENCIES).get(ANY, frozenset()),
        subscriptions=_names(conn, _SUBSCRIPTIONS, wanted) if is_asked else None,
    )


def _names(
    conn: connection, queries: Mapping[str, str], wanted: Sequence[str] = ()
) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    with conn.cursor() as cursor:
        for table, query in queries.items():
            cursor.execute("select to_regclass(%s)", (table,))
            if cursor.fetchone() == (None,):
                continue
            cursor.execute(query, {"wanted": list(wanted)})
            for service, name in cursor.fetchall():
                if service is not None and name is not None:
                    found[service].add(name)
    return {service: frozenset(names) for service, names in found.items()}
