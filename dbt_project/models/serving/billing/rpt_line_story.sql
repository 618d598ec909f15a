{{ config(materialized='view') }}

with balances as (

    select * from {{ ref('int_charge_balances') }}

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

rated_lines as not materialized (

    select * from {{ ref('int_rated_lines') }}

),

periods as (

    select * from {{ ref('int_subscription_periods') }}

),

approvals as (

    select * from {{ ref('stg_ops__line_approvals') }}

),

billed_lines as (

    select * from {{ ref('int_billed_lines') }}

),

pieces as not materialized (

    select * from {{ ref('int_segment_pieces') }}

),

events as not materialized (

    select *
    from {{ ref('int_usage_events') }}
    where {{ usage_is_loaded() }}

),

left_out as not materialized (

    select * from {{ ref('int_usage_left_out') }}

),

invoice_lines as (

    select * from {{ ref('fct_invoice_lines') }}

),

-- What costs nothing is no line of an invoice, but it has a story too.
lines as (

    select
        line_key,
        service,
        subscription_id,
        external_subscription_id,
        customer_name,
        partner_id,
        currency,
        kind,
        charge,
        plan_code,
        description,
        exact_amount,
        amount,
        fraction,
        rule,
        tax_components,
        service_period_start,
        service_period_end,
        billing_period_start,
        billing_period_end,
        corrects_period_start,
        is_billable,
        content_hash
    from invoice_lines
    union all
    select
        line_key,
        service,
        subscription_id,
        external_subscription_id,
        null as customer_name,
        null as partner_id,
        currency,
        kind,
        charge,
        plan_code,
        null as description,
        exact_amount,
        amount,
        fraction_numerator || '/' || fraction_denominator as fraction,
        rule,
        null as tax_components,
        service_period_start,
        service_period_end,
        service_period_start as billing_period_start,
        service_period_end as billing_period_end,
        null as corrects_period_start,
        false as is_billable,
        null as content_hash
    from rated_lines
    where amount = 0

),

usage_lines as not materialized (

    select *
    from {{ ref('int_rated_lines') }}
    where kind = 'usage'

),

windows as not materialized (

    select
        usage_lines.line_key,
        usage_lines.subscription_id,
        usage_lines.metric,
        pieces.piece_start as window_start,
        pieces.piece_end as window_end
    from usage_lines
    inner join pieces
        on
            usage_lines.subscription_id = pieces.subscription_id
            and usage_lines.period_type = pieces.period_type
            and usage_lines.segment_start = pieces.segment_start

),

found as (

    {{ usage_within('windows', ['line_key', 'metric', 'window_end']) }}

),

considered as (

    select
        window_line_key as line_key,
        usage_source || ':' || written_number as usage_key,
        event_at,
        quantity,
        left_out_reason is null as is_counted,
        left_out_reason,
        usage_source || ':' || duplicate_of_number as duplicate_of
    from found
    where metric = window_metric and event_at < window_end

),

line_usage as (

    select
        line_key,
        usage_key,
        event_at,
        quantity,
        is_counted,
        jsonb_build_object(
            'usage', usage_key,
            'at', event_at,
            'quantity', trim_scale(quantity)::text,
            'reason', left_out_reason,
            'counted_instead', duplicate_of
        ) as record
    from considered

),

tiers as (

    select
        usage_lines.line_key,
        usage_lines.charge_model,
        usage_lines.billable_quantity,
        bounds.tier_number,
        (bounds.tier ->> 'from')::numeric as tier_from,
        (bounds.tier ->> 'to')::numeric as tier_to,
        (bounds.tier ->> 'unit_price')::numeric as unit_price,
        (bounds.tier ->> 'flat_fee')::numeric as flat_fee
    from usage_lines
    cross join
        lateral jsonb_array_elements(usage_lines.tiers)
        with ordinality as bounds (tier, tier_number)

),

-- Graduated fills tier after tier; volume puts all units into the one that they reach.
reached as (

    select
        *,
        (tier_number = 1 or billable_quantity > tier_from)
        and (
            charge_model <> 'volume' or tier_to is null or billable_quantity <= tier_to
        ) as is_reached
    from tiers

),

filled as (

    select
        *,
        case
            when charge_model = 'volume' then billable_quantity
            else least(billable_quantity, tier_to) - tier_from
        end as units_in_tier
    from reached
    where is_reached

),

line_tiers as (

    select
        line_key,
        tier_number,
        jsonb_build_object(
            'tier', tier_number,
            'from', tier_from::text,
            'to', tier_to::text,
            'units', trim_scale(units_in_tier)::text,
            'unit_price', unit_price::text,
            'flat_fee', flat_fee::text,
            'amount', trim_scale(
                units_in_tier * unit_price * {{ tier_price_unit('charge_model') }} + flat_fee
            )::text
        ) as tier
    from filled

),

line_approvals as (

    select
        line_key,
        jsonb_agg(
            jsonb_build_object(
                'decision', decision,
                'by', decided_by,
                'at', decided_at,
                'note', note,
                'policy_version', policy_version,
                'content_hash', content_hash
            )
            order by decided_at, approval_id
        ) as approvals
    from approvals
    group by line_key

),

published as (

    select
        line_key,
        jsonb_build_object(
            'document', document_key,
            'line_number', line_number,
            'state', publication_state,
            'odoo_name', odoo_name,
            'odoo_line_id', odoo_move_line_id,
            'billing_period_start', billing_period_start,
            'billing_period_end', billing_period_end
        ) as publication
    from billed_lines

),

decisions as (

    select
        coalesce(line_approvals.line_key, published.line_key) as line_key,
        line_approvals.approvals,
        published.publication
    from line_approvals
    full outer join published on line_approvals.line_key = published.line_key

),

arithmetic as (

    select
        rated_lines.line_key,
        jsonb_build_object(
            'start', periods.period_start,
            'end', periods.period_end,
            'full_start', periods.full_period_start,
            'full_end', periods.full_period_end,
            'stream', periods.period_type,
            'rule', periods.period_rule,
            'time_zone', periods.timezone,
            'anchor_on', periods.anchor_on
        ) as period,
        jsonb_build_object(
            'start', rated_lines.segment_start,
            'end', rated_lines.segment_end,
            'plan', rated_lines.plan_code,
            'is_trial', rated_lines.is_trial,
            'proration', rated_lines.proration,
            'numerator', rated_lines.fraction_numerator::text,
            'denominator', rated_lines.fraction_denominator::text
        ) as segment,
        jsonb_build_object(
            'source', rated_lines.price_source,
            'version', rated_lines.price_version,
            'is_assumed', rated_lines.is_assumed_price,
            'charge_model', rated_lines.charge_model,
            'base_fee', rated_lines.base_fee::text,
            'unit_price', rated_lines.price_per_unit::text,
            'package_size', rated_lines.package_size::text,
            'rate_percent', rated_lines.rate_percent::text,
            'minimum', rated_lines.minimum_amount::text,
            'maximum', rated_lines.maximum_amount::text
        ) as price,
        case
            when rated_lines.kind = 'usage'
                then jsonb_build_object(
                    'metric', rated_lines.metric,
                    'aggregation', rated_lines.aggregation,
                    'used', trim_scale(rated_lines.quantity)::text,
                    'included_in_a_whole_period', trim_scale(rated_lines.full_included_quantity)::text,
                    'included', trim_scale(rated_lines.included_quantity)::text,
                    'billable', trim_scale(rated_lines.billable_quantity)::text
                )
        end as quota,
        jsonb_build_object(
            'discount', rated_lines.discount,
            'discount_amount', rated_lines.discount_exact_amount::text,
            'exact', rated_lines.exact_amount::text,
            'rounded', rated_lines.amount::text,
            'currency', rated_lines.currency,
            'decimals', rated_lines.decimals,
            'rounding', 'once, half away from zero'
        ) as amount
    from rated_lines
    left join periods
        on
            rated_lines.subscription_id = periods.subscription_id
            and rated_lines.period_type = periods.period_type
            and rated_lines.service_period_start = periods.period_start

),

-- Laterals on the line: asking for one line reads the records of one line.
final as (

    select
        lines.line_key,
        lines.service,
        lines.subscription_id,
        lines.external_subscription_id,
        lines.customer_name,
        lines.partner_id,
        lines.kind,
        lines.charge,
        lines.plan_code,
        lines.description,
        lines.amount,
        lines.exact_amount,
        lines.currency,
        lines.fraction,
        lines.rule,
        lines.service_period_start,
        lines.service_period_end,
        lines.billing_period_start,
        lines.billing_period_end,
        lines.corrects_period_start,
        lines.is_billable,
        arithmetic.period,
        arithmetic.segment,
        arithmetic.price,
        records.counted || coalesce(carried.reading, '{}') as usage_counted,
        records.left_out as usage_left_out,
        arithmetic.quota,
        filled.tiers,
        arithmetic.amount as rounding,
        case
            when lines.kind = 'adjustment'
                then jsonb_build_object(
                    'rated_now', balances.rated_amount::text,
                    'billed', balances.billed_amount::text
                )
        end as correction,
        taxes.taxes,
        lines.content_hash,
        decisions.approvals,
        decisions.publication
    from lines
    left join currencies on lines.currency = currencies.currency_code
    left join arithmetic on lines.line_key = arithmetic.line_key
    left join decisions on lines.line_key = decisions.line_key
    left join balances
        on
            lines.subscription_id = balances.subscription_id
            and lines.corrects_period_start = balances.service_period_start
            and lines.currency = balances.currency
            and lines.charge = balances.charge
    left join lateral (
        select
            jsonb_build_object(
                'records', count(*) filter (where usage.is_counted),
                'first_at', min(usage.event_at) filter (where usage.is_counted),
                'last_at', max(usage.event_at) filter (where usage.is_counted),
                'sum', trim_scale(sum(usage.quantity) filter (where usage.is_counted))::text
            ) as counted,
            jsonb_agg(usage.record order by usage.event_at, usage.usage_key)
                filter (where not usage.is_counted) as left_out
        from line_usage as usage
        where usage.line_key = lines.line_key
    ) as records on lines.kind = 'usage'
    -- What a gauge held when the segment began: the last reading before it of time that was held.
    left join lateral (
        select
            jsonb_build_object('carried_in', jsonb_build_object(
                'usage', events.usage_source || ':' || events.written_number,
                'at', events.event_at,
                'quantity', trim_scale(events.quantity)::text
            )) as reading
        from events
        where
            events.usage_source = 'nexacloud'
            and events.external_subscription_id = lines.external_subscription_id
            and events.placed_at < (arithmetic.segment ->> 'start')::timestamptz
            and events.metric = arithmetic.quota ->> 'metric'
            and not exists (
                select 1
                from left_out
                where
                    left_out.written_number = events.written_number
                    and left_out.usage_source = events.usage_source
            )
            and exists (
                select 1
                from pieces
                where
                    pieces.subscription_id = lines.subscription_id
                    and pieces.piece_start <= events.event_at
                    and pieces.piece_end > events.event_at
            )
        order by events.placed_at desc, events.written_at desc, events.written_number desc
        limit 1
    ) as carried
        on
            lines.service = 'nexacloud'
            and arithmetic.quota ->> 'aggregation' in ('time_weighted_hours', 'time_weighted_days')
    left join lateral (
        select jsonb_agg(line_tiers.tier order by line_tiers.tier_number) as tiers
        from line_tiers
        where line_tiers.line_key = lines.line_key
    ) as filled on lines.kind = 'usage'
    left join lateral (
        select jsonb_agg(component || jsonb_build_object(
            'amount', {{ round_money(
                "lines.amount * (component ->> 'rate')::numeric * 0.01", decimals_of('currencies')
            ) }}::text
        )) as taxes
        from jsonb_array_elements(lines.tax_components) as component
    ) as taxes on true

)

select * from final
