{{ config(post_hook='analyze {{ this }}') }}

-- The charges of each segment of an open difference at the instant that counts, and at the other
-- instants whose prices are stored: the version before, the version after, the app's own plan.
with segments as (

    select * from {{ ref('int_hypothesis_segments') }}

),

versions as (

    select *
    from {{ ref('int_price_versions') }}
    where charge_kind in ('base', 'usage') and price_problem is null

),

-- The plan that is held has prices of its own, by its id, and those of its code; a plan that an
-- invoice names has those of that code.
plan_keys as (

    select
        *,
        case when plan_id is null then 'code ' || plan_code else 'id ' || plan_id end as plan_key
    from versions
    union all
    select
        *,
        'named ' || plan_code as plan_key
    from versions

),

changes as (

    select distinct
        service,
        plan_key,
        subscription_id,
        valid_from
    from plan_keys
    where valid_from > '-infinity'

),

keyed as (

    select
        *,
        case
            when plan_id is null then array['named ' || plan_code]
            else array['id ' || plan_id, 'code ' || plan_code]
        end as plan_keys
    from segments

),

-- Materialized, and a row a plan key: the instants of a segment are looked up once, and its prices by
-- the key, not by trying each.
instants as materialized (

    select
        segments.segment_number,
        segments.service,
        segments.subscription_id,
        segments.period_type,
        held.plan_key,
        variant.price_variant,
        case variant.price_variant
            when 'older'
                then
                    coalesce(
                        earlier.valid_from - interval '1 microsecond', segments.segment_start
                    )
            when 'newer' then coalesce(later.valid_from, segments.segment_start)
            else segments.segment_start
        end as priced_at
    from keyed as segments
    left join lateral (
        select max(changes.valid_from) as valid_from
        from changes
        where
            changes.service = segments.service
            and changes.plan_key = any(segments.plan_keys)
            and coalesce(changes.subscription_id, segments.subscription_id)
            = segments.subscription_id
            and changes.valid_from <= segments.segment_start
    ) as earlier on true
    left join lateral (
        select min(changes.valid_from) as valid_from
        from changes
        where
            changes.service = segments.service
            and changes.plan_key = any(segments.plan_keys)
            and coalesce(changes.subscription_id, segments.subscription_id)
            = segments.subscription_id
            and changes.valid_from > segments.segment_start
    ) as later on true
    cross join (
        values ('own'), ('older'), ('newer'), ('app')
    ) as variant (price_variant)
    cross join lateral unnest(segments.plan_keys) as held (plan_key)

),

final as (

    select distinct on (instants.segment_number, instants.price_variant, versions.charge)
        instants.segment_number,
        instants.price_variant,
        versions.charge,
        versions.charge_kind,
        versions.metric,
        versions.charge_model,
        versions.currency,
        versions.base_fee,
        versions.unit_price,
        versions.included_quantity,
        versions.minimum_amount,
        versions.maximum_amount,
        versions.package_size,
        versions.rate_percent,
        versions.tiers,
        versions.price_source,
        versions.price_key
    from instants
    inner join plan_keys as versions
        on
            instants.service = versions.service
            and instants.plan_key = versions.plan_key
            and (
                versions.subscription_id is null
                or instants.subscription_id = versions.subscription_id
            )
            and instants.priced_at >= versions.valid_from
            and instants.priced_at < coalesce(versions.valid_until, 'infinity')
            and (instants.price_variant <> 'app' or versions.price_source = 'app_plan')
    where
        (versions.charge_kind = 'base' and instants.period_type in ('all', 'base'))
        or (versions.charge_kind = 'usage' and instants.period_type in ('all', 'usage'))
    order by
        instants.segment_number asc,
        instants.price_variant asc,
        versions.charge asc,
        versions.source_rank asc,
        versions.subscription_id asc nulls last, versions.valid_from desc, versions.price_key asc

)

select * from final
