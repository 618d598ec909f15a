{{ config(materialized='view') }}

with kept as (select * from {{ ref('int_kept') }})

select id, quantity from kept
