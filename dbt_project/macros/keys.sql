{#- An instant as text that never depends on the session: part of every hashed key. -#}
{% macro iso_utc(instant) -%}
    to_char({{ instant }} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
{%- endmacro %}

{#- 32 hex digits of sha256 over the parts; a missing part is an empty one and never shifts the rest. -#}
{% macro hash_key(parts) -%}
    left(encode(sha256(convert_to(
        {%- for part in parts %}
        coalesce(({{ part }})::text, ''){% if not loop.last %} || '|' ||{% endif %}
        {%- endfor %}, 'UTF8'
    )), 'hex'), 32)
{%- endmacro %}

{#- An instant as people write it, without fractions of a second. -#}
{% macro iso_seconds(instant) -%}
    to_char({{ instant }} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
{%- endmacro %}
