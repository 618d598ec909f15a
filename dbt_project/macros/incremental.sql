{#- True for the rows of a usage source that arrived after what the model already holds of it. The
    watermark is fetched first, as a literal: a subquery would not push down, nor use an index well. -#}
{% macro newer_than_ledger(source_column, arrived_column, held_column) -%}
    {%- if not is_incremental() -%}
        true
    {%- else -%}
        {%- set watermarks = [] -%}
        {%- if execute -%}
            {%- for usage_source in ['nexacloud', 'odoo'] -%}
                {%- set query -%}
                    select coalesce(max({{ held_column }}), '-infinity')::text
                    from {{ this }}
                    where {{ source_column }} = '{{ usage_source }}'
                {%- endset -%}
                {%- do watermarks.append((usage_source, run_query(query).columns[0].values()[0])) -%}
            {%- endfor -%}
        {%- endif -%}
        (
            false
            {%- for usage_source, watermark in watermarks %}
            or (
                {{ source_column }} = '{{ usage_source }}'
                and {{ arrived_column }} > '{{ watermark }}'::timestamptz
            )
            {%- endfor %}
        )
    {%- endif -%}
{%- endmacro %}
