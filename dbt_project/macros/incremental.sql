{#- A usage table of this warehouse as it was before this run, if it was built: for the models that must
    know what is held already before they take more. -#}
{% macro held_before(name) -%}
    {{ return(adapter.get_relation(this.database, layer_schema('intermediate') | trim, name)) }}
{%- endmacro %}

{#- The ledger that this night adds to; none where it is made from nothing. -#}
{% macro ledger_to_add_to() -%}
    {{ return(none if flags.FULL_REFRESH else held_before('int_usage_ledger')) }}
{%- endmacro %}

{#- True for the usage events that arrived after what the rollup has seen of their service: each service's
    usage comes from one source. The watermarks are fetched first, as literals: a subquery would neither push
    down nor be planned well. What a broken night took without rolling it up is simply taken again. -#}
{% macro newer_than_rollup() -%}
    {%- set rollup = held_before('int_usage_by_slice') if execute -%}
    {%- set seen = [] -%}
    {%- if rollup -%}
        {%- set query -%}
            select
                quote_literal(split_part(subscription_id, ':', 1)) as service,
                coalesce(max(loaded_at), '-infinity')::text as watermark
            from {{ rollup }}
            group by split_part(subscription_id, ':', 1)
        {%- endset -%}
        {%- set seen = run_query(query).rows -%}
    {%- endif -%}
    (
        {{ 'service not in (' ~ seen | map(attribute=0) | join(', ') ~ ')' if seen else 'true' }}
        {%- for service, watermark in seen %}
        or (service = {{ service }} and loaded_at > '{{ watermark }}'::timestamptz)
        {%- endfor %}
    )
{%- endmacro %}

{#- Where a record counts from now on, and where it counted so far. Others change no sum. -#}
{% macro touched_slices() -%}
    select
        subscription_id,
        metric,
        slice_on
    from {{ ref('int_usage_arrivals') }}
    where is_counted
    union
    select
        former_subscription_id as subscription_id,
        former_metric as metric,
        former_slice_on as slice_on
    from {{ ref('int_usage_arrivals') }}
    where was_counted
{%- endmacro %}

{#- Before a night sums the touched slices again, what they were goes: also where no record is left. -#}
{% macro forget_touched_slices() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as slices
        using (
            {{ touched_slices() }}
        ) as touched
        where
            slices.subscription_id = touched.subscription_id
            and slices.metric = touched.metric
            and slices.slice_on = touched.slice_on
    {%- endif -%}
{%- endmacro %}

{#- Sorting and hashing millions of records in memory instead of on disk; for the one transaction. -#}
{% macro with_working_memory() -%}
    set local work_mem = '256MB'
{%- endmacro %}

{#- From nothing: hashes are sorted, and the few repeated ones are looked up in memory; guesses of how
    many there are would have all records sorted. For a night: every arrival is looked up by its key;
    merging by hash or by order would read all that is held. -#}
{% macro with_keys_looked_up() -%}
    {%- if is_incremental() -%}
        set local enable_hashjoin = off; set local enable_mergejoin = off
    {%- else -%}
        set local enable_hashagg = off; set local enable_mergejoin = off
    {%- endif -%}
{%- endmacro %}

{#- Block ranges that vacuum did not see yet would be read for every question. -#}
{% macro summarize_new_blocks() -%}
    select brin_summarize_new_values(pg_index.indexrelid)
    from pg_index
    inner join pg_class on pg_index.indexrelid = pg_class.oid
    inner join pg_am on pg_class.relam = pg_am.oid and pg_am.amname = 'brin'
    where pg_index.indrelid = '{{ this }}'::regclass
{%- endmacro %}

{#- A crash of the server empties all unlogged tables, in the middle of a night too. What reads them must
    not take that for a month without usage; what reads the sums, not while they are behind the ledger. -#}
{% macro usage_must_be_held(sums=none) -%}
    do $$
    begin
        if
            (
                not exists (select 1 from {{ ref('int_usage_ledger') }})
                and exists (select 1 from {{ ref('int_usage_events') }})
            )
            {%- if sums %}
            or (
                not exists (select 1 from {{ sums }})
                and exists (select 1 from {{ ref('int_usage_ledger') }} where is_counted)
            )
            {%- endif %}
        then
            raise exception 'there is usage, but int_usage_ledger or its sums are empty: the server '
                'crashed since they were filled. Run the whole night again (billing run, or dbt build): '
                'it fills them again.';
        end if;
    end
    $$
{%- endmacro %}

{#- What the planner has to know of a table that is made every night, or it joins row by row. A sample of
    3,000 rows says it well enough, of any size of table. -#}
{% macro analyze_keys(columns) -%}
    set local default_statistics_target = 10; analyze {{ this }} ({{ columns }})
{%- endmacro %}

{#- Every slice asks for another time: remembering the answers is work for nothing. -#}
{% macro without_memoize() -%}
    set local enable_memoize = off
{%- endmacro %}
