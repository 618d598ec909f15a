"""A build is made beside what people read and swapped in at once, by one function of the server.

Revision: 0012, after 0011.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Readers that need one build in several statements hold the lock shared (connections/builds.py).
# Runs with the caller's rights: whoever builds owns what is built. Grants on what is replaced go to
# what replaces it, and default privileges of the public schema count for what is moved into it.
SWAP = """
create function ops.swap_build(
    build bigint, prefix text, suffix text, made jsonb, tests int, version text
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    attempts constant int := 200;
    statement record;
begin
    perform set_config('lock_timeout', '500ms', true);
    for attempt in 1 .. attempts loop
        begin
            perform pg_advisory_xact_lock(hashtext('fusion_billing.builds ' || prefix));
            perform ops.replace_relations(build, prefix, suffix, made, tests, version);
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
    build bigint, prefix text, suffix text, made jsonb, tests int, version text
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    marts text := prefix || 'marts';
    described regclass := to_regclass(format('%I.dim_build', marts));
    before jsonb := '{}';
    foreign_views text;
    statement text;
begin
    execute format(
        'create table %I.dim_build as
         select
            builds.build_id, builds.as_of, builds.started_at, clock_timestamp() as swapped_at,
            %L::text as code_version, %L::int as tests_passed, %L::jsonb as relations,
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
        marts || suffix, version, tests, made, build
    );
    made := jsonb_set(made, '{marts}', coalesce(made -> 'marts', '[]') || '["dim_build"]');
    if described is not null then
        execute format('select relations from %s', described) into before;
        before := jsonb_set(
            before, '{marts}', coalesce(before -> 'marts', '[]') || '["dim_build"]'
        );
    end if;
    for statement in
        select format('create schema if not exists %I', prefix || key)
        from jsonb_object_keys(made) as key
    loop
        execute statement;
    end loop;
    create temporary table swapped on commit drop as
    select
        layers.layer, names.name, prefix || layers.layer as public_schema,
        to_regclass(format('%I.%I', prefix || layers.layer || suffix, names.name)) as new_relation,
        to_regclass(format('%I.%I', prefix || layers.layer, names.name)) as old_relation
    from (
        select layer.key as layer, name.value as name
        from jsonb_each(made) as layer, jsonb_array_elements_text(layer.value) as name
        union
        select layer.key, name.value
        from jsonb_each(before) as layer, jsonb_array_elements_text(layer.value) as name
    ) as names (layer, name)
    inner join lateral (select names.layer) as layers on true;
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
    op.execute(REPLACE)
    op.execute(SWAP)


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
