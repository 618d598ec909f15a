{#- The services, beside NexaCloud, whose usage is read from their own database: stg_<service>__usage_records
    has it under the names of NexaCloud's. -#}
{% macro usage_databases() -%}
    {{ return([]) }}
{%- endmacro %}

{#- Brings the records of one subscription, metric and idempotency key together; a record without a key
    repeats no other. Written as the index on raw_nexacloud.usage_records has it (loaders/tables.py). -#}
{% macro usage_key_hash() -%}
    hashtextextended(
        idempotency_key,
        hashtextextended(
            coalesce(metric, ''), hashtextextended(coalesce(subscription_id, ''), 0)
        )
    )
{%- endmacro %}

{#- Of the records of one key, the number of the one that counts. Subscription and metric beside the hash
    leave its accidents no chance. The withdrawn come last, whatever the policy. -#}
{% macro kept_number() -%}
    case
        when key_hash is null then written_number
        else first_value(written_number) over (
            partition by key_hash, subscription_id, metric
            order by
                (deleted_at is not null)::int,
                case when is_last_kept then null else written_at end,
                case when is_last_kept then null else written_number end,
                written_at desc,
                written_number desc
        )
    end
{%- endmacro %}

{#- The usage records of windows (subscription_id, window_start, window_end, both ends included), each with
    its verdict, beside `columns` of its window. NexaCloud's are looked up by the index on subscription and
    time, a window at a time; the few that Odoo holds are joined. Reads the CTEs events
    and left_out, both `not materialized`: made once, they would lose their indexes. -#}
{% macro usage_within(windows, columns) -%}
    {%- set kept = [
        'usage_source', 'written_number', 'subscription_id', 'metric', 'quantity', 'event_at',
        'slice_on', 'unique_value', 'written_at', 'loaded_at', 'deleted_at',
    ] -%}
    select
        found.*,
        left_out.left_out_reason,
        left_out.duplicate_of_number
    from (
        select
            {%- for column in columns %}
            windows.{{ column }} as window_{{ column | replace('window_', '') }},
            {%- endfor %}
            records.*
        from {{ windows }} as windows
        cross join lateral (
            select {{ kept | join(', ') }}
            from events
            where
                usage_source = 'nexacloud'
                and external_subscription_id = substring(windows.subscription_id from 11)
                and placed_at between windows.window_start and windows.window_end
            order by placed_at
        ) as records
        where starts_with(windows.subscription_id, 'nexacloud:')
        union all
        select
            {%- for column in columns %}
            windows.{{ column }} as window_{{ column | replace('window_', '') }},
            {%- endfor %}
            records.{{ kept | join(', records.') }}
        from {{ windows }} as windows
        inner join events as records
            on
                windows.subscription_id = records.subscription_id
                and records.placed_at between windows.window_start and windows.window_end
        where records.usage_source <> 'nexacloud'
    ) as found
    left join left_out
        on
            found.written_number = left_out.written_number
            and found.usage_source = left_out.usage_source
{%- endmacro %}

{#- True for the aggregations that sums of slices do not give: what they need of single records is kept by slice. -#}
{% macro is_of_single_records(aggregation) -%}
    {{ aggregation }} in ('last', 'time_weighted_hours', 'time_weighted_days', 'percentile_95')
{%- endmacro %}
