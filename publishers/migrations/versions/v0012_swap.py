"""A build is made beside what people read and swapped in at once, by one function of the server.

Revision: 0012, after 0011.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BUILDS = """
alter table ops.builds add column schema_prefix text not null default '';
alter table ops.builds add column invocation_id text;
"""

# A build that was killed leaves its row running: it is told from one that goes on by its sessions,
# of which dbt has one at least but for moments between two nodes.
BEGIN = """
create function ops.begin_build(instant timestamptz, prefix text, invocation text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    is_alive boolean := true;
begin
    for attempt in 1 .. 5 loop
        perform from ops.builds where status = 'running' and schema_prefix = prefix;
        exit when not found;
        perform pg_stat_clear_snapshot();
        perform from pg_stat_activity
        where datname = current_database() and application_name = 'dbt ' || prefix
            and pid <> pg_backend_pid();
        is_alive := found;
        exit when is_alive;
        perform pg_sleep(0.2);
        is_alive := false;
    end loop;
    perform from ops.builds where status = 'running' and schema_prefix = prefix;
    if found and is_alive then
        raise exception 'another build of this warehouse is under way: both would be made in the'
            ' same schemas' using hint = 'Try again when ops.builds says that it is over.';
    end if;
    update ops.builds
    set status = 'failed', finished_at = clock_timestamp(), error = 'ended without a word'
    where status = 'running' and schema_prefix = prefix;
    insert into ops.builds (as_of, is_whole, schema_prefix, invocation_id)
    values (instant, true, prefix, invocation);
end $$;
"""

# Readers that need one build in several statements hold the lock shared (connections/builds.py).
# Runs with the caller's rights: whoever builds owns what is built. Grants on what is replaced go to
# what replaces it, and default privileges of the public schema count for what is moved into it.
SWAP = """
create function ops.swap_build(
    invocation text, suffix text, made jsonb, kept text[], tests int, version text
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    attempts constant int := 200;
    build bigint;
    prefix text;
begin
    select build_id, schema_prefix into build, prefix
    from ops.builds where invocation_id = invocation and status = 'running';
    if build is null then
        raise exception 'another build began since: this one is not swapped in';
    end if;
    perform set_config('lock_timeout', '500ms', true);
    for attempt in 1 .. attempts loop
        begin
            perform pg_advisory_xact_lock(hashtext('fusion_billing.builds ' || prefix));
            perform ops.replace_relations(build, prefix, suffix, made, kept, tests, version);
            return;
        exception when lock_not_available or deadlock_detected then
            if attempt = attempts then
                raise exception 'readers held % for too long: build % is tested, but not in use',
                    prefix || 'marts', build;
            end if;
            perform pg_sleep(1);
        end;
    end loop;
end $$;
"""

REPLACE = """
create function ops.replace_relations(
    build bigint, prefix text, suffix text, made jsonb, kept text[], tests int, version text
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    marts text := prefix || 'marts';
    described regclass := to_regclass(format('%I.dim_build', marts));
    before jsonb := '{}';
    kept_before text[];
    foreign_views text;
    statement text;
begin
    execute format(
        'create table %I.dim_build as
         select
            builds.build_id, builds.as_of, builds.started_at, clock_timestamp() as swapped_at,
            %L::text as code_version, %L::int as tests_passed, %L::jsonb as relations,
            %L::text[] as kept_relations,
            (select max(finished_at) from ops.load_runs where status = ''succeeded''
                and not is_dry_run and finished_at < builds.started_at) as loaded_at,
            (select jsonb_object_agg(source, newest) from (
                select distinct on (source) source,
                    jsonb_build_object(''run_id'', run_id, ''finished_at'', finished_at) as newest
                from ops.load_runs
                where status = ''succeeded'' and not is_dry_run
                    and finished_at < builds.started_at
                order by source, finished_at desc
            ) as loads) as loads
         from ops.builds where builds.build_id = %L',
        marts || suffix, version, tests, made, kept, build
    );
    made := jsonb_set(made, '{marts}', coalesce(made -> 'marts', '[]') || '["dim_build"]');
    if described is not null then
        execute format('select relations, kept_relations from %s', described)
        into before, kept_before;
        before := jsonb_set(before, '{marts}', before -> 'marts' || '["dim_build"]');
        kept_before := array(select unnest(kept_before) except select unnest(kept));
        before := jsonb_set(
            before, '{intermediate}', coalesce(before -> 'intermediate', '[]')
            || to_jsonb(kept_before)
        );
    else
        -- Built in place until now: all that stands in dbt's own schemas, and views in the marts.
        select jsonb_object_agg(layer, names) into before from (
            select substr(nspname, length(prefix) + 1) as layer, jsonb_agg(relname) as names
            from pg_class
            inner join pg_namespace on pg_namespace.oid = relnamespace
            where nspname in (prefix || 'staging', prefix || 'intermediate', prefix || 'marts')
                and relkind in ('r', 'v') and relowner = current_user::regrole
                and (relkind = 'v' or nspname <> prefix || 'marts')
                and not (nspname = prefix || 'intermediate' and relname = any (kept))
            group by nspname
        ) as standing;
    end if;
    for statement in
        select format('create schema if not exists %I', prefix || key)
        from jsonb_object_keys(made) as key
    loop
        execute statement;
    end loop;
    create temporary table swapped on commit drop as
    select
        names.layer, names.name, prefix || names.layer as public_schema,
        to_regclass(format('%I.%I', prefix || names.layer || suffix, names.name)) as new_relation,
        to_regclass(format('%I.%I', prefix || names.layer, names.name)) as old_relation
    from (
        select layer.key, name.value
        from jsonb_each(made) as layer, jsonb_array_elements_text(layer.value) as name
        union
        select layer.key, name.value
        from jsonb_each(coalesce(before, '{}')) as layer,
            jsonb_array_elements_text(layer.value) as name
    ) as names (layer, name);
    -- What a full refresh put aside, since views that people read hung on it (macros/builds.sql).
    insert into swapped (layer, name, public_schema, old_relation)
    select 'parked', relname, nspname, pg_class.oid
    from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = prefix || 'parked' and relkind = 'r';
    select string_agg(distinct format('%s reads %s', reader.oid::regclass, old_relation), ', ')
    into foreign_views
    from swapped
    inner join pg_depend on pg_depend.refobjid = old_relation and refclassid = 'pg_class'::regclass
    inner join pg_rewrite on pg_rewrite.oid = pg_depend.objid and classid = 'pg_rewrite'::regclass
    inner join pg_class as reader on reader.oid = pg_rewrite.ev_class
    where not exists (select from swapped as ours where ours.old_relation = reader.oid);
    if foreign_views is not null then
        raise exception 'views of others would be lost: %', foreign_views
            using hint = 'Drop them, or make tables of them; then build again.';
    end if;
    create temporary table granted on commit drop as
    select swapped.new_relation, given.grantee, given.privilege_type
    from swapped
    inner join pg_class on pg_class.oid = old_relation
    cross join lateral aclexplode(pg_class.relacl) as given
    where new_relation is not null and given.grantee <> pg_class.relowner
    union
    select swapped.new_relation, given.grantee, given.privilege_type
    from swapped
    inner join pg_default_acl on defaclobjtype = 'r'
        and defaclnamespace = to_regnamespace(quote_ident(public_schema))
    cross join lateral aclexplode(defaclacl) as given
    where new_relation is not null and given.grantee <> defaclrole;
    for statement in
        select format(
            'drop %s %s', case relkind when 'v' then 'view' else 'table' end,
            string_agg(old_relation::regclass::text, ', ')
        )
        from swapped inner join pg_class on pg_class.oid = old_relation
        group by relkind = 'v', case relkind when 'v' then 'view' else 'table' end
        order by relkind = 'v' desc
    loop
        execute statement;
    end loop;
    for statement in
        select format('alter table %s set schema %I', new_relation, public_schema)
        from swapped where new_relation is not null
    loop
        execute statement;
    end loop;
    for statement in
        select format(
            'grant %s on %s to %s', privilege_type, new_relation,
            case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end
        )
        from granted
    loop
        execute statement;
    end loop;
    update ops.builds
    set status = 'passed', finished_at = clock_timestamp(), tests_passed = tests, tests_failed = 0
    where build_id = build;
    drop table swapped, granted;
end $$;
"""


def upgrade() -> None:
    """What stands in the public schemas stays, and is replaced by the next build that passes."""
    op.execute(BUILDS)
    op.execute(BEGIN)
    op.execute(REPLACE)
    op.execute(SWAP)


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
