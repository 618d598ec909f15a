{#- What an exception is known by, and the hash of its facts: an acknowledgement holds for these only. -#}
{% macro exception_keys(relation) -%}
    {{ hash_key([relation ~ '.kind', relation ~ '.service', relation ~ '.subject']) }} as exception_key,
    {{ hash_key([relation ~ '.kind', relation ~ '.subject', relation ~ '.facts']) }} as facts_hash
{%- endmacro %}
