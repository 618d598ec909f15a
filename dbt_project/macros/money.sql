{#- The one rounding of an amount: numeric's round is half away from zero. -#}
{% macro round_money(amount, decimals) -%}
    round({{ amount }}, {{ decimals }})
{%- endmacro %}

{#- A quantity as a customer reads it: all its digits, thousands parted by commas. -#}
{% macro readable_quantity(quantity) -%}
    to_char(trunc({{ quantity }}), 'FM999,999,999,999,999,990')
    || coalesce(substring(trim_scale({{ quantity }})::text from '[.][0-9]+$'), '')
{%- endmacro %}

{#- A division that is right to the thirtieth decimal, however large the operands: numeric keeps at
    least the scale of its dividend. Multiply first, divide once. -#}
{% macro exact_divide(dividend, divisor) -%}
    (round({{ dividend }}, 30) / {{ divisor }})
{%- endmacro %}
