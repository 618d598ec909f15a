{{ config(materialized='incremental', unique_key='id') }}

with given as (select * from {{ ref('stg_given') }})

select id, quantity from given
