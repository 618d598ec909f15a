"""What the importer proposed when it looked last, record by record."""

from __future__ import annotations

KINDS = ("service", "metric", "partner", "account_link", "product", "charge", "order")
ACTIONS = ("conflict", "create", "update", "skip", "unchanged")
COUNTS = """
    select
        kind,
        count(*) filter (where action = 'create')::int as create_count,
        count(*) filter (where action = 'update')::int as update_count,
        count(*) filter (where action = 'unchanged')::int as unchanged_count,
        count(*) filter (where action = 'skip')::int as skip_count,
        count(*) filter (where action = 'conflict')::int as conflict_count,
        count(*) filter (where action is null)::int as unseen_count,
        max(looked_at) as looked_at, max(written_at) as written_at
    from {serving}.odoo_import_proposals
    where not is_extra_deployment or action is not null
    group by kind
    order by array_position(
        array['service', 'metric', 'partner', 'account_link', 'product', 'charge', 'order'], kind
    )
"""
PROPOSALS = """
    select
        kind, title, coalesce(action, 'not looked at') as action, odoo_id, origin, reason,
        (
            select string_agg(
                changed.key || ': ' || coalesce(changed.value ->> 'old', '') || ' → '
                || coalesce(changed.value ->> 'new', ''), '; ' order by changed.key
            )
            from jsonb_each(changes) as changed
            where action = 'update'
        ) as changed,
        (
            select string_agg(
                kept.key || ': ' || coalesce(kept.value ->> 'theirs', '') || ' (ours '
                || coalesce(kept.value ->> 'ours', '') || ')', '; ' order by kept.key
            )
            from jsonb_each(kept) as kept
        ) as kept_as_it_is,
        looked_at, written_at, import_key
    from {serving}.odoo_import_proposals
    where (%(kind)s::text is null or kind = %(kind)s)
        and (%(action)s::text is null or action = %(action)s)
        and (not is_extra_deployment or action is not null)
    order by array_position(array['conflict', 'create', 'update', 'skip', 'unchanged'], action),
        kind, title, import_key
"""
EVENTS = """
    select occurred_at, run_id, done_by, kind, title, event, odoo_id, reason
    from ops.import_events
    order by event_id desc
"""
