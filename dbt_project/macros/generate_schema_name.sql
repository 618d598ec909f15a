{#- A layer's schema is its bare name, behind var schema_prefix, else BILLING_SCHEMA_PREFIX of the
    environment (profiles.yml reads it, too, so that another prefix parses everything again). -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ var('schema_prefix', env_var('BILLING_SCHEMA_PREFIX', '')) }}{{ custom_schema_name or 'staging' }}
{%- endmacro %}
