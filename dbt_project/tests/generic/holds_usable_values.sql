{#- A seed is edited by hand: amounts are finite, not negative and have six decimals at most (law 1),
    days lie in this century, codes have no space around them. Each row says column, value and what to
    write; `billing check` says the line of the file, too. -#}
{% test holds_usable_values(model, amounts=[], days=[], codes=[]) %}

{%- set judged = [] -%}
{%- for column in amounts -%}
    {%- do judged.append((column, 'not ' ~ is_usable_amount(column), 'is negative or no number; write 0 or more')) -%}
    {%- do judged.append((column, 'scale(trim_scale(' ~ column ~ ')) > 6', 'has more than 6 decimals; round it to 6')) -%}
{%- endfor -%}
{%- for column in days -%}
    {%- do judged.append((
        column, 'extract(year from ' ~ column ~ ') not between 2000 and 2100',
        'is no plausible date; write a year from 2000 to 2100'
    )) -%}
{%- endfor -%}
{%- for column in codes -%}
    {%- do judged.append((column, column ~ ' <> trim(' ~ column ~ ')', 'has spaces around it; remove them')) -%}
{%- endfor -%}
{%- for column, is_wrong, advice in judged %}
select
    {{ adapter.quote(column) }}::text as value,
    '{{ column }} ' || coalesce({{ column }}::text, '') || ' {{ advice }}' as problem,
    to_jsonb(seed) as row_of_seed
from {{ model }} as seed
where {{ is_wrong }}
{% if not loop.last %}union all{% endif %}
{%- endfor %}

{% endtest %}
