{#- The usage ledger of this warehouse, if it was built before; for the one model that must read what
    it held before it takes the next records. -#}
{% macro ledger_as_it_was() -%}
    {{ return(adapter.get_relation(this.database, this.schema, 'int_usage_ledger')) }}
{%- endmacro %}

{#- True for the usage events that arrived after what the ledger holds of their source. The watermark is
    fetched first, as a literal: a subquery would neither push down nor use an index well. -#}
{% macro newer_than(ledger) -%}
    (
        false
        {%- for usage_source in ['nexacloud', 'odoo'] %}
        {%- set query -%}
            select coalesce(max(loaded_at), '-infinity')::text
            from {{ ledger }}
            where usage_source = '{{ usage_source }}'
        {%- endset %}
        {%- set watermark = run_query(query).columns[0].values()[0] if execute else '-infinity' %}
        or (usage_source = '{{ usage_source }}' and loaded_at > '{{ watermark }}'::timestamptz)
        {%- endfor %}
    )
{%- endmacro %}
