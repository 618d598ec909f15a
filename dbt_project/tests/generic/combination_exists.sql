{#- As relationships, for a key of several columns: what a row points to is there. -#}
{% test combination_exists(model, columns, to) %}

select distinct {{ columns.keys() | join(', ') }}
from {{ model }} as pointing
where not exists (
    select 1
    from {{ to }} as named
    where
        {%- for column, named_column in columns.items() %}
        pointing.{{ column }} = named.{{ named_column }} {{ 'and' if not loop.last }}
        {%- endfor %}
)

{% endtest %}
