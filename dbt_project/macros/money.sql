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

{#- The month that an invoice stands in, on every page and in every mart: that of the time that it is for;
    an invoice that names none stands in the month of its issue. -#}
{% macro month_of_invoice(period_start, issued_at, zone) -%}
    date_trunc('month', {{ local_date('coalesce(' ~ period_start ~ ', ' ~ issued_at ~ ')', zone) }})::date
{%- endmacro %}

{#- How many months the fee of an interval of so many days is for: a year's pays for twelve. From four weeks
    on an interval is whole months; days and weeks are the parts of a month that they are. -#}
{% macro months_of_days(day_count) -%}
    case
        when {{ day_count }} < 28 then {{ day_count }} / 365.25 * 12
        else round({{ day_count }} / 365.25 * 12)
    end
{%- endmacro %}
