-- One double precision column in the chain, and a cent depends on the order of a sum.
select
    table_schema,
    table_name,
    column_name
from information_schema.columns
where
    table_schema in (
        '{{ ref("stg_nexacloud__usage_records").schema }}',
        '{{ ref("int_services").schema }}',
        '{{ ref("fct_invoice_lines").schema }}'
    )
    and data_type in ('double precision', 'real')
