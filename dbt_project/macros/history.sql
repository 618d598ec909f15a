{#- Which of a thing's versions counts at an instant; without an instant, the newest. A version says
    valid_from (-infinity: from the beginning) and valid_until (null: the newest). -#}
{% macro in_force_at(versions, instant) -%}
    {{ versions }}.valid_from <= coalesce({{ instant }}, 'infinity'::timestamptz)
    and ({{ versions }}.valid_until is null or {{ instant }} < {{ versions }}.valid_until)
{%- endmacro %}
