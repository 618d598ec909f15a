{#- The time of the question: never the clock, and no default. `billing run` hands var as_of over; by hand
    BILLING_AS_OF of the environment says it (`billing env` prints it). It is read while running, not while
    parsing: another as_of makes dbt parse nothing again. -#}
{% macro as_of() -%}
    {%- if execute -%}
        {{ require_as_of() }}'{{ var("as_of", env_var("BILLING_AS_OF", "")) }}'::timestamptz
    {%- else -%}
        null::timestamptz
    {%- endif -%}
{%- endmacro %}

{#- Refuses a run that does not know its time, before its first node. -#}
{% macro require_as_of() -%}
    {%- if execute and not var("as_of", env_var("BILLING_AS_OF", "")) -%}
        {{ exceptions.raise_compiler_error(
            'as_of is not set: say from when this build looks. eval "$(billing env)" sets BILLING_AS_OF as'
            ~ ' `billing run` would, or: export BILLING_AS_OF=2026-06-03T12:00:00+00:00'
        ) }}
    {%- endif -%}
{%- endmacro %}
