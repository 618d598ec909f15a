{{ config(materialized='incremental', unique_key='id') }} select id, quantity from {{ ref('stg_given') }}
