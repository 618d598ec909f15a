{#- A policy column of services.csv; for some services var policy_overrides may say another. -#}
{% macro policy(name, type) -%}
    {%- set changes = [] -%}
    {%- for service, policies in var('policy_overrides').items() if name in policies -%}
        {%- do changes.append((service, policies[name])) -%}
    {%- endfor -%}
    {%- if changes -%}
        case service
            {%- for service, value in changes %}
            when '{{ service }}' then '{{ value }}'::{{ type }}
            {%- endfor %}
            else {{ name }}
        end as {{ name }}
    {%- else -%}
        {{ name }}
    {%- endif -%}
{%- endmacro %}
