{#- True for a price, a quantity or a percentage that can be rated by: finite and not negative. Nothing
    is no amount, and is judged elsewhere. NaN is above infinity to PostgreSQL. -#}
{% macro is_usable_amount(amount) -%}
    coalesce({{ amount }} >= 0 and {{ amount }} < 'infinity'::numeric, true)
{%- endmacro %}
