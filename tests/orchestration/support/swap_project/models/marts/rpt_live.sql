{{ config(materialized='view') }} select fct_total.*, stg_given.id from {{ ref('fct_total') }} as fct_total, {{ ref('stg_given') }} as stg_given
