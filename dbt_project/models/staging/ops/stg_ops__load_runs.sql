with source as (

    select * from {{ source('ops', 'load_runs') }}

),

final as (

    select
        load_run_id,
        run_id,
        source,
        table_name,
        mode,
        status,
        started_at,
        finished_at,
        read_count,
        created_count,
        updated_count,
        unchanged_count,
        rejected_count,
        deleted_count,
        bytes_copied,
        watermark_from,
        watermark_to,
        error,
        is_dry_run
    from source

)

select * from final
