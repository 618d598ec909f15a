{#- The services, beside NexaCloud, whose usage is read from their own database: stg_<service>__usage_records
    has it under the names of NexaCloud's. -#}
{% macro usage_databases() -%}
    {{ return([]) }}
{%- endmacro %}

{#- What the ledger holds of a usage event; how it is judged comes on top. -#}
{% macro usage_columns() -%}
    usage_source,
    written_number,
    subscription_id,
    metric,
    quantity,
    event_at,
    slice_on,
    key_hash,
    unique_value,
    is_last_kept,
    written_at,
    loaded_at,
    deleted_at
{%- endmacro %}

{#- Of the records of one key, the number of the one that counts. The hash brings them together;
    subscription and metric beside it leave its accidents no chance. The withdrawn come last, whatever
    the policy. -#}
{% macro kept_number(relation) -%}
    first_value(written_number) over (
        partition by {{ relation }}.key_hash, subscription_id, metric
        order by
            (deleted_at is not null)::int,
            case when is_last_kept then null else written_at end,
            case when is_last_kept then null else written_number end,
            written_at desc,
            written_number desc
    )
{%- endmacro %}

{#- Whether a record counts, and why not. -#}
{% macro usage_verdict() -%}
    deleted_at is null and written_number = kept_number as is_counted,
    case
        when deleted_at is not null then 'withdrawn'
        when written_number <> kept_number then 'duplicate'
    end as left_out_reason,
    case when deleted_at is null and written_number <> kept_number then kept_number end
        as duplicate_of_number
{%- endmacro %}
