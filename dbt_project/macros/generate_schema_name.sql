{#- A layer's schema is its bare name, behind var schema_prefix, else BILLING_SCHEMA_PREFIX of the
    environment. A build is made beside what people read, in schemas with a suffix, and swapped in when all of it
    is tested (macros/builds.sql). What is kept from night to night stays where it is: incremental tables have
    no suffix. profiles.yml reads both variables, too, so that another value parses everything again. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set is_kept = node.config.get('materialized') == 'incremental' -%}
    {{ layer_schema(custom_schema_name or 'staging') }}{{ '' if is_kept else build_suffix() }}
{%- endmacro %}

{#- The public name of a layer's schema. -#}
{% macro layer_schema(layer) -%}
    {{ var('schema_prefix', env_var('BILLING_SCHEMA_PREFIX', '')) }}{{ layer }}
{%- endmacro %}

{#- What the schemas of a build in progress end with; empty where a build writes in place (a what-if, a test). -#}
{% macro build_suffix() -%}
    {{ env_var('BILLING_SCHEMA_SUFFIX', '__next') }}
{%- endmacro %}
