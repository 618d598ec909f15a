{#- A layer's schema is its bare name, behind var schema_prefix. Snapshots are history, not a result:
    a what-if reads the real ones and never writes its own. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set schema = custom_schema_name or target.schema -%}
    {%- if node.resource_type == 'snapshot' -%}
        {{ schema }}
    {%- else -%}
        {{ var('schema_prefix') }}{{ schema }}
    {%- endif -%}
{%- endmacro %}
