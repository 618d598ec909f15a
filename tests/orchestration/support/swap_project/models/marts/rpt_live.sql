{{ config(materialized='view') }}

with total as (select * from {{ ref('fct_total') }}),

given as (select * from {{ ref('stg_given') }})

select total.quantity, given.id from total cross join given
