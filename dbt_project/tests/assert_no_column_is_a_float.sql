-- One double precision column in the chain, and a cent depends on the order of a sum.
-- depends_on: {{ ref('fct_invoice_lines') }}
select
    table_schema,
    table_name,
    column_name
from information_schema.columns
where
    table_schema in (
        '{{ generate_schema_name("staging", {}) }}',
        '{{ generate_schema_name("intermediate", {}) }}',
        '{{ generate_schema_name("marts", {}) }}'
    )
    and data_type in ('double precision', 'real')
