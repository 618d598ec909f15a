{#- The columns that a model's contract names, of a relation that has more of them. Nobody knows the contracts
    while dbt parses or in a unit test: there it is all of the relation. -#}
{% macro contract_columns(model_name, relation) -%}
    {%- if execute and graph.nodes -%}
        {%- for column in graph.nodes['model.fusion_billing.' ~ model_name].columns %}
        {{ relation }}.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    {%- else -%}
        {{ relation }}.*
    {%- endif %}
{%- endmacro %}
