{#- A zone that PostgreSQL does not know would stop every model that counts days. -#}
{% test is_time_zone(model, column_name) %}

select {{ column_name }}
from {{ model }}
where {{ column_name }} not in (select name from pg_timezone_names)

{% endtest %}
