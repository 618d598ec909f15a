{#- The instant at which a local day begins. Where clocks fall back over midnight it begins twice:
    the first time counts. Where they spring over midnight, it begins with the spring. -#}
{% macro day_start(day, zone) -%}
    (
        ({{ day }})::timestamp at time zone {{ zone }}
        - case
            when
                (({{ day }})::timestamp at time zone {{ zone }} - interval '1 hour')
                at time zone {{ zone }} >= ({{ day }})::timestamp
                then interval '1 hour'
            else interval '0'
        end
    )
{%- endmacro %}

{#- The local date of an instant. -#}
{% macro local_date(instant, zone) -%}
    (({{ instant }}) at time zone {{ zone }})::date
{%- endmacro %}

{#- The n-th boundary from an anchor day: always from the anchor, so that the 31st clamps to the end of
    a short month and comes back after it. Days or months, whichever the interval has. -#}
{% macro boundary_day(anchor_day, ordinal, month_count, day_count) -%}
    (
        {{ anchor_day }}
        + {{ ordinal }} * {{ month_count }} * interval '1 month'
        + {{ ordinal }} * {{ day_count }} * interval '1 day'
    )::date
{%- endmacro %}

{#- Seconds between two instants, exact, fractions included. -#}
{% macro seconds_between(earlier, later) -%}
    extract(epoch from {{ later }} - {{ earlier }})
{%- endmacro %}

{#- Which boundary of a stream's grid is the last at or near a day. -#}
{% macro boundary_ordinal(day, stream) -%}
    case
        when {{ stream }}.step_months > 0 then floor(
            (
                (extract(year from {{ day }}) - extract(year from {{ stream }}.grid_day)) * 12
                + extract(month from {{ day }}) - extract(month from {{ stream }}.grid_day)
            ) / nullif({{ stream }}.step_months, 0)
        )::int
        else floor(
            ({{ day }} - {{ stream }}.grid_day)::numeric / nullif({{ stream }}.day_count, 0)
        )::int
    end
{%- endmacro %}

{#- A start that a calendar of ours can have: anything else is a slip of whoever wrote it, and would
    count periods for ever. -#}
{% macro is_possible_start(instant) -%}
    ({{ instant }} >= '2000-01-01'::timestamptz and {{ instant }} < '2100-01-01'::timestamptz)
{%- endmacro %}

{#- The states of a subscription that anybody listed: any other holds its lines (law 11). Odoo's states
    are translated to these; only there is a draft. -#}
{% macro known_statuses() -%}
    ('active', 'trialing', 'past_due', 'suspended', 'cancelled', 'draft')
{%- endmacro %}

{#- Whether a version says of these columns what the one before it said; the first says something new. -#}
{% macro same_as_before(columns, earlier) -%}
    (
        row_number() over {{ earlier }} > 1
        {%- for column in columns %}
        and {{ column }} is not distinct from lag({{ column }}) over {{ earlier }}
        {%- endfor %}
    )
{%- endmacro %}

{#- From when a version of an overwritten fact counts: the first that was seen reaches back. -#}
{% macro reaching_back(key, valid_from) -%}
    case
        when row_number() over (partition by {{ key }} order by {{ valid_from }}) = 1
            then '-infinity'::timestamptz
        else {{ valid_from }}
    end
{%- endmacro %}
