{#- The one rounding of an amount: numeric's round is half away from zero. -#}
{% macro round_money(amount, decimals) -%}
    round({{ amount }}, {{ decimals }})
{%- endmacro %}

{#- The decimals of an amount's currency, of a relation int_currencies that was joined to it. Nothing is
    rated in a currency that Odoo does not know; what an app invoiced in one is shown in cents. -#}
{% macro decimals_of(currencies) -%}
    coalesce({{ currencies }}.decimals, 2)
{%- endmacro %}

{#- The smallest amount above zero of a currency: a cent where it has two decimals. -#}
{% macro smallest_amount(decimals) -%}
    power(10::numeric, -{{ decimals }})
{%- endmacro %}

{#- A quantity as a customer reads it: all its digits, thousands separated by commas. -#}
{% macro readable_quantity(quantity) -%}
    to_char(trunc({{ quantity }}), 'FM999,999,999,999,999,990')
    || coalesce(substring(trim_scale({{ quantity }})::text from '[.][0-9]+$'), '')
{%- endmacro %}

{#- A division that is right to the thirtieth decimal, however large the operands: numeric keeps at
    least the scale of its dividend. Multiply first, divide once. -#}
{% macro exact_divide(dividend, divisor) -%}
    (round({{ dividend }}, 30) / {{ divisor }})
{%- endmacro %}
