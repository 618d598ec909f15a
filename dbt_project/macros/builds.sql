{#- Write, audit, publish: `dbt build` makes everything beside what people read, and when all of it is made and
    every data test passed, one function of the server puts it in its place (ops.swap_build). A part (--select,
    --exclude), `dbt run`, --empty or a failed test never does: what stood stays, whole. -#}

{#- Whether this invocation makes all that a build is: every model, every seed, every data test. -#}
{% macro is_whole_build(unique_ids) -%}
    {%- set missing = [] -%}
    {%- for node in graph.nodes.values() -%}
        {%- if node.resource_type in ('model', 'seed', 'test') and node.unique_id not in unique_ids -%}
            {%- do missing.append(node.unique_id) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(flags.WHICH == 'build' and not flags.EMPTY and not missing and build_suffix() | trim != '') }}
{%- endmacro %}

{#- on-run-start: the row of ops.builds that the build is known by. One build of a prefix at a time. -#}
{% macro begin_build() -%}
    {%- if execute and build_suffix() | trim == '' and flags.WHICH in ('build', 'run', 'seed') -%}
        {{ refuse_in_place() }}
    {%- elif execute and is_whole_build(selected_resources) -%}
        select ops.begin_build({{ as_of() }}, '{{ layer_schema("") }}', '{{ invocation_id }}');
        commit
    {%- elif execute and flags.WHICH in ('build', 'run', 'seed') -%}
        {%- do log(
            'A part of a build: it is made in ' ~ layer_schema('marts') ~ build_suffix()
            ~ ' and not put in use. A whole `dbt build` is.', info=true
        ) -%}
    {%- endif -%}
{%- endmacro %}

{#- on-run-end: swaps a build that passed, and says of another one why it is not in use. -#}
{% macro finish_build() -%}
    {%- if execute and is_whole_build(selected_resources) -%}
        {%- set failed = results | selectattr('status', 'in', ['error', 'fail', 'runtime error', 'skipped']) | list -%}
        {%- set tests = results | selectattr('node.resource_type', 'equalto', 'test') | list -%}
        {%- set passed = tests | selectattr('status', 'in', ['pass', 'warn']) | list -%}
        {%- if failed or not is_whole_build(results | map(attribute='node.unique_id') | list) -%}
            {%- set first = failed | rejectattr('status', 'equalto', 'skipped') | list -%}
            update ops.builds
            set
                status = 'failed', finished_at = clock_timestamp(), tests_passed = {{ passed | length }},
                tests_failed = {{ tests | selectattr('status', 'in', ['error', 'fail']) | list | length }},
                error = {{ dbt.string_literal(dbt.escape_single_quotes(failure_sentence(first))) }}
            where invocation_id = '{{ invocation_id }}';
            commit
        {%- else -%}
            select ops.swap_build(
                '{{ invocation_id }}', '{{ build_suffix() }}', '{{ tojson(made_relations()) }}',
                '{ {{- kept_relations() | join(", ") -}} }',
                {{ passed | length }}, '{{ env_var("BILLING_CODE_VERSION", "") }}'
            );
            commit
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro failure_sentence(failed) -%}
    {%- if not failed -%}
        dbt did not run everything
    {%- else -%}
        {{ failed | length }} nodes failed, {{ failed[0].node.name }} first: {{ failed[0].message | replace('\n', ' ') }}
    {%- endif -%}
{%- endmacro %}

{#- What a build makes beside what is in use, by layer; incremental tables stay where they are. -#}
{% macro made_relations() -%}
    {%- set made = {} -%}
    {%- for node in graph.nodes.values() -%}
        {%- if
            node.resource_type in ('model', 'seed')
            and node.config.materialized not in ('incremental', 'ephemeral')
        -%}
            {%- set layer = node.config.schema or 'staging' -%}
            {%- do made.setdefault(layer, []).append(node.alias) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(made) }}
{%- endmacro %}

{#- What is incremental, and stays where it is from build to build. -#}
{% macro kept_relations() -%}
    {{ return(
        graph.nodes.values()
        | selectattr('config.materialized', 'equalto', 'incremental')
        | map(attribute='alias') | list
    ) }}
{%- endmacro %}

{#- Building in place is for a what-if and for tests: never under the eyes of whoever reads a build. -#}
{% macro refuse_in_place() -%}
    {%- if run_query(
        "select to_regclass('" ~ layer_schema('marts') ~ ".dim_build') is not null"
    ).columns[0].values()[0] -%}
        {{ exceptions.raise_compiler_error(
            'people read ' ~ layer_schema('marts') ~ ', which a build that passed was swapped into: do not build in'
            ~ ' place. Unset BILLING_SCHEMA_SUFFIX, or build under another BILLING_SCHEMA_PREFIX.'
        ) }}
    {%- endif -%}
{%- endmacro %}

{#- As dbt's own, but for the table that a full refresh has replaced: live views hang on it until the swap, and a
    drop would take them along. It is put aside, and goes with them. -#}
{% macro postgres__drop_table(relation) -%}
    {%- set is_kept = relation.schema == layer_schema('intermediate') | trim -%}
    {%- if is_kept and build_suffix() | trim and relation.identifier.endswith('__dbt_backup') -%}
        {%- set parked = layer_schema('parked') | trim -%}
        {%- set name = relation.identifier[:40] ~ '_' ~ invocation_id[:8] -%}
        create schema if not exists {{ parked }};
        alter table if exists {{ relation }} rename to "{{ name }}";
        alter table if exists "{{ relation.schema }}"."{{ name }}" set schema {{ parked }}
    {%- else -%}
        drop table if exists {{ relation }} cascade
    {%- endif -%}
{%- endmacro %}
