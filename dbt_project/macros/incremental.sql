{#- A usage table of this warehouse as it was before this run, if it was built: for the models that must
    know what is held already before they take more. -#}
{% macro held_before(name) -%}
    {{ return(adapter.get_relation(this.database, this.schema, name)) }}
{%- endmacro %}

{#- True for the usage events that arrived after what the rollup has seen of their source. The watermark is
    fetched first, as a literal: a subquery would neither push down nor be planned well. What a broken
    night took without rolling it up is simply taken again. -#}
{% macro newer_than_rollup() -%}
    {%- set rollup = held_before('int_usage_by_slice') if execute -%}
    (
        false
        {%- for usage_source, is_its in [
            ('nexacloud', "starts_with(subscription_id, 'nexacloud:')"),
            ('odoo', "not starts_with(subscription_id, 'nexacloud:')"),
        ] %}
        {%- set watermark = '-infinity' -%}
        {%- if rollup -%}
            {%- set query -%}
                select coalesce(max(loaded_at), '-infinity')::text
                from {{ rollup }}
                where {{ is_its }}
            {%- endset -%}
            {%- set watermark = run_query(query).columns[0].values()[0] -%}
        {%- endif %}
        or (usage_source = '{{ usage_source }}' and loaded_at > '{{ watermark }}'::timestamptz)
        {%- endfor %}
    )
{%- endmacro %}

{#- Before a night sums the touched slices again, what they were goes: also where no record is left. -#}
{% macro forget_touched_slices() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as slices
        using (select distinct * from {{ ref('int_usage_touched') }}) as touched
        where
            slices.subscription_id = touched.subscription_id
            and slices.metric = touched.metric
            and slices.slice_on = touched.slice_on
    {%- endif -%}
{%- endmacro %}

{#- Before a night rates what changed, what was rated from something else goes. -#}
{% macro forget_changed_charges() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as rated
        where not exists (
            select 1
            from {{ ref('int_charge_inputs') }} as inputs
            where
                inputs.subscription_id = rated.subscription_id
                and inputs.period_type = rated.period_type
                and inputs.segment_start = rated.segment_start
                and inputs.charge = rated.charge
                and inputs.inputs_hash = rated.inputs_hash
        )
    {%- endif -%}
{%- endmacro %}

{#- Sorting and hashing millions of records in memory instead of on disk; for the one transaction. -#}
{% macro with_working_memory() -%}
    set local work_mem = '256MB'
{%- endmacro %}
