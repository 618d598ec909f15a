{{ config(severity='warn') }}

-- A warning, since the exception holds every line of the service already: an error here would keep
-- the build from making the list on which a person reads what to write.
select description
from {{ ref('int_exceptions_billed') }}
where kind = 'policy_changed_over_billed_time'
