{#- Sorting and hashing millions of records in memory instead of on disk; for the one transaction. -#}
{% macro with_working_memory() -%}
    set local work_mem = '256MB'
{%- endmacro %}

{#- What the planner has to know of a table that is made every night, or it joins row by row. A sample of
    3,000 rows says it well enough, of any size of table. -#}
{% macro analyze_keys(columns) -%}
    set local default_statistics_target = 10; analyze {{ this }} ({{ columns }})
{%- endmacro %}

{#- How far int_usage_by_slice has summed NexaCloud's records, if it was ever built. -#}
{% macro usage_summed_until() -%}
    {%- set slices = adapter.get_relation(
        this.database, layer_schema('intermediate') | trim, 'int_usage_by_slice'
    ) if execute -%}
    {%- if slices -%}
        (
            select coalesce(max(loaded_at), '-infinity')
            from {{ slices }}
            where starts_with(subscription_id, 'nexacloud:')
        )
    {%- else -%}
        '-infinity'::timestamptz
    {%- endif -%}
{%- endmacro %}

{#- A time of int_usage_watermarks as a literal: the planner has to know how many records it leaves. -#}
{% macro usage_watermark(name) -%}
    {%- set watermarks = ref('int_usage_watermarks') -%}
    {%- if execute -%}
        '{{ run_query("select " ~ name ~ "::text from " ~ watermarks).columns[0].values()[0] }}'
    {%- else -%}
        '-infinity'
    {%- endif -%}
    ::timestamptz
{%- endmacro %}

{#- True for the usage events of tonight's build: what a load adds meanwhile is tomorrow's. -#}
{% macro usage_is_loaded() -%}
    (usage_source <> 'nexacloud' or loaded_at <= {{ usage_watermark('loaded_until') }})
{%- endmacro %}

{#- True for NexaCloud's records that arrived, or changed, since the sums were made. -#}
{% macro usage_has_arrived() -%}
    usage_source = 'nexacloud' and loaded_at > {{ usage_watermark('summed_until') }}
{%- endmacro %}
