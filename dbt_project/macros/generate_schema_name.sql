{#- A layer's schema is its bare name, behind var schema_prefix, else BILLING_SCHEMA_PREFIX of the
    environment (profiles.yml reads it, too, so that another prefix parses everything again). Snapshots are
    history, not a result: a what-if reads the real ones and never writes its own. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set schema = custom_schema_name or 'staging' -%}
    {%- if node.resource_type == 'snapshot' -%}
        {{ schema }}
    {%- else -%}
        {{ var('schema_prefix', env_var('BILLING_SCHEMA_PREFIX', '')) }}{{ schema }}
    {%- endif -%}
{%- endmacro %}
