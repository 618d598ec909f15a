{#- A length of time or a count of days below zero would bill or remind before the time. -#}
{% test is_not_negative(model, column_name) %}

select {{ column_name }}
from {{ model }}
where {{ column_name }} < {{ column_name }} * 0

{% endtest %}
