{#- Snapshots keep time zones, as every other time here does: dbt's own default drops them. -#}
{% macro postgres__snapshot_get_time() -%}
    {{ current_timestamp() }}
{%- endmacro %}
