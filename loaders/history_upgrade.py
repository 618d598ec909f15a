"""History of a warehouse that is older than this module. Snapshot tables that dbt kept and raw rows
flow in; versions as the loaders keep them flow out.

Runs once a table, in the transaction that creates its history. dbt's tables are kept under another
name: nothing in them is lost. A version keeps the date that dbt gave it where that is later than
the version before; where dbt dated it by a source time that stood still, went back or was missing,
it counts from when it was loaded. What dbt did not keep comes from today's row.
"""

from __future__ import annotations

from collections.abc import Mapping

from psycopg2 import sql
from psycopg2.extensions import cursor

from loaders import history
from loaders.contracts import Table
from loaders.relations import HISTORY_SCHEMA, history_relation, relation

RUN = "upgrade"
ARCHIVED = "_dbt_archive"

# Our table -> dbt's, and the columns that staging renamed.
COPIED: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "nexacloud_plans": (
        "nexacloud_plan_history",
        {"id": "plan_id", "code": "plan_code", "name": "plan_name", "price": "plan_price"},
    ),
    "nexacloud_subscriptions": (
        "nexacloud_subscription_history",
        {"id": "external_subscription_id", "status": "subscription_status"},
    ),
    "odoo_fusion_billing_charge": (
        "odoo_charge_history",
        {
            "id": "billing_charge_id",
            "service_id": "billing_service_id",
            "plan_id": "subscription_plan_id",
            "metric_id": "billing_metric_id",
            "price_per_unit": "unit_price",
            "active": "is_active",
            "write_date": "updated_at",
        },
    ),
}
# Our table -> dbt's, and a query of its versions `d` in our columns: dbt kept what was computed.
# A former flat price of an order is carried by its first line, as one unit, the others at nothing.
COMPUTED: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "odoo_sale_order_line": (
        "odoo_flat_price_history",
        ("product_uom_qty", "price_unit", "discount"),
        """
        with lines as (
            select *, id = min(id) over (partition by order_id) as is_first,
                sum(product_uom_qty * price_unit * (1 - coalesce(discount, 0) * 0.01))
                    over (partition by order_id) as flat_price
            from raw_odoo.sale_order_line
            where coalesce(display_type, '') in ('', 'false') and _deleted_at is null
        ),
        told as (
            select d.*, l.id, l.is_first, l.product_uom_qty, l.price_unit, l.discount,
                d.dbt_valid_to is null and d.flat_price = l.flat_price as is_today
            from snapshots.odoo_flat_price_history as d
            inner join lines as l on l.order_id = d.sale_order_id
        )
        select id, dbt_valid_from, dbt_valid_to, null::timestamptz as loaded_at,
            case when is_today or not is_first then product_uom_qty else 1 end as product_uom_qty,
            case when is_today then price_unit when is_first then flat_price else 0 end
                as price_unit,
            case when is_today or not is_first then discount else 0 end as discount
        from told
        """,
    ),
    "odoo_sale_order": (
        "odoo_subscription_history",
        ("partner_id", "date_order", "plan_id", "subscription_state"),
        """
        with orders as (
            select o.*,
                coalesce(
                    (select c.plan_code from raw_odoo.fusion_billing_charge as c
                    where c.plan_id = o.plan_id order by c.id limit 1),
                    (select p.name from raw_odoo.sale_subscription_plan as p where p.id = o.plan_id)
                ) as plan_code,
                case
                    when subscription_state in ('3_progress', '2_renewal', '7_upsell')
                        then 'active'
                    when subscription_state = '4_paused' then 'suspended'
                    when subscription_state in ('5_renewed', '6_churn') then 'cancelled'
                    else 'draft'
                end as status
            from raw_odoo.sale_order as o
        )
        select o.id, dbt_valid_from, dbt_valid_to, null::timestamptz as loaded_at,
            d.partner_id, d.started_at as date_order,
            case when d.plan_code = o.plan_code then o.plan_id else coalesce(
                (select min(c.plan_id) from raw_odoo.fusion_billing_charge as c
                where c.plan_code = d.plan_code),
                (select min(p.id) from raw_odoo.sale_subscription_plan as p
                where p.name = d.plan_code),
                o.plan_id
            ) end as plan_id,
            case
                when d.subscription_status = o.status then o.subscription_state
                when d.subscription_status = 'active' then '3_progress'
                when d.subscription_status = 'suspended' then '4_paused'
                when d.subscription_status = 'cancelled' then '6_churn'
                else '1_draft'
            end as subscription_state
        from snapshots.odoo_subscription_history as d
        inner join orders as o on o.id = d.sale_order_id
        """,
    ),
}

CARRY = sql.SQL("""
    with recursive told as ({told}),

    ordered as (
        select *, row_number() over (
            partition by {key}
            order by dbt_valid_to is null, loaded_at nulls first, dbt_valid_from nulls first
        ) as version
        from told
    ),

    dated as (
        select o.*, coalesce(o.dbt_valid_from, o.loaded_at, now()) as valid_from
        from ordered as o
        where o.version = 1
        union all
        select o.*, case
            when o.dbt_valid_from > d.valid_from then o.dbt_valid_from
            else greatest(o.loaded_at, d.valid_from + interval '1 microsecond')
        end
        from dated as d
        inner join ordered as o on o.{key} = d.{key} and o.version = d.version + 1
    )

    insert into {history}
        ({columns}, _version, _seen_at, _valid_from, _valid_until, _is_deleted, _run_id)
    select {values}, d.version, coalesce(d.loaded_at, d.valid_from), d.valid_from,
        lead(d.valid_from) over (partition by d.{key} order by d.version), false, {run}
    from dated as d
    left join {raw} as r on r.{key} = d.{key}
""")


def begin_history(cur: cursor, table: Table) -> None:
    """Fill a history table that was just created beside a raw table with rows: from what dbt kept,
    where it did, and from today's rows.
    """
    if table.history_name in COPIED:
        former, renamed = COPIED[table.history_name]
        kept = _columns(cur, former)
        values = {
            column.name: renamed.get(column.name, column.name)
            for column in table.columns
            if renamed.get(column.name, column.name) in kept
        }
        _carry_copied(cur, table, former, values, kept)
    elif table.history_name in COMPUTED:
        former, computed, told = COMPUTED[table.history_name]
        if _columns(cur, former):
            _carry(cur, table, former, computed, sql.SQL(told))
    cur.execute("select clock_timestamp()")
    (now,) = cur.fetchone() or (None,)
    history.record(cur, table, seen_at=now, run_id=RUN, every_row=True, is_late=True)


def _carry_copied(
    cur: cursor, table: Table, former: str, values: Mapping[str, str], kept: set[str]
) -> None:
    if not kept:
        return
    pairs = [(name, sql.Identifier(source)) for name, source in values.items()]
    loaded_at = sql.Identifier("loaded_at") if "loaded_at" in kept else sql.SQL("null::timestamptz")
    told = sql.SQL("select {}, dbt_valid_from, dbt_valid_to, {} as loaded_at from {}").format(
        sql.SQL(", ").join(
            sql.SQL("{} as {}").format(source, sql.Identifier(name)) for name, source in pairs
        ),
        loaded_at,
        sql.Identifier(HISTORY_SCHEMA, former),
    )
    _carry(cur, table, former, tuple(values), told)


def _carry(
    cur: cursor, table: Table, former: str, told_columns: tuple[str, ...], told: sql.Composable
) -> None:
    """Write the versions that `told` gives, and put dbt's table aside."""
    values = [
        sql.SQL("{}.{}::{}").format(
            sql.SQL("d" if column.name in (*told_columns, table.key.name) else "r"),
            sql.Identifier(column.name),
            sql.SQL(column.raw_type),
        )
        for column in table.columns
    ]
    cur.execute(
        CARRY.format(
            told=told,
            key=sql.Identifier(table.key.name),
            history=history_relation(table),
            columns=sql.SQL(", ").join(map(sql.Identifier, table.column_names)),
            values=sql.SQL(", ").join(values),
            run=sql.Literal(RUN),
            raw=relation(table),
        )
    )
    cur.execute(
        sql.SQL("alter table {} rename to {}").format(
            sql.Identifier(HISTORY_SCHEMA, former), sql.Identifier(former + ARCHIVED)
        )
    )


def _columns(cur: cursor, name: str) -> set[str]:
    """The columns of a table of the history schema; none where it is not there."""
    cur.execute(
        "select column_name from information_schema.columns where table_schema = %s"
        " and table_name = %s",
        (HISTORY_SCHEMA, name),
    )
    return {column for (column,) in cur.fetchall()}
