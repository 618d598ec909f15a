{#- The one rounding of an amount: numeric's round is half away from zero. -#}
{% macro round_money(amount, decimals) -%}
    round({{ amount }}, {{ decimals }})
{%- endmacro %}

{#- A division that is right to the thirtieth decimal, however large the operands: numeric keeps at
    least the scale of its dividend. Multiply first, divide once. -#}
{% macro exact_divide(dividend, divisor) -%}
    (round({{ dividend }}, 30) / {{ divisor }})
{%- endmacro %}
