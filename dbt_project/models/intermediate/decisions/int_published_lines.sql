{{ config(materialized='view') }}

with publication_lines as (

    select * from {{ ref('stg_ops__publication_lines') }}

),

publications as (

    select * from {{ ref('stg_ops__publications') }}

),

moves as (

    select * from {{ ref('stg_odoo__account_move') }}

),

move_lines as (

    select * from {{ ref('stg_odoo__account_move_line') }}

),

deleted_moves as (

    select * from {{ ref('stg_odoo__account_move_deleted') }}

),

deleted_lines as (

    select * from {{ ref('stg_odoo__account_move_line_deleted') }}

),

-- What Odoo holds is what counts. Until the next load has seen a confirmed draft, the frozen
-- amount stands in for it; a move that Odoo had and has no more counts nothing.
final as (

    select
        publication_lines.document_key,
        publication_lines.line_key,
        publication_lines.content_hash,
        publication_lines.service,
        publication_lines.subscription_id,
        publication_lines.external_subscription_id,
        publication_lines.kind,
        publication_lines.charge,
        publication_lines.service_period_start,
        publication_lines.service_period_end,
        publication_lines.corrects_period_start,
        publication_lines.currency,
        publication_lines.amount as frozen_amount,
        publications.publication_state,
        publications.move_type,
        publications.odoo_move_id,
        publications.odoo_name,
        publications.finding,
        moves.move_state,
        publications.publication_state = 'confirmed' as is_confirmed,
        case
            when publications.publication_state <> 'confirmed' then 0
            when deleted_moves.move_id is not null or deleted_lines.move_line_id is not null
                then 0
            when coalesce(moves.move_state, publications.odoo_state) in ('cancel', 'deleted')
                then 0
            when move_lines.move_line_id is null then publication_lines.amount
            -- Of a posted line only the ledger side is safe: its price can be rewritten by RPC.
            else -move_lines.currency_amount
        end as billed_amount
    from publication_lines
    inner join publications on publication_lines.document_key = publications.document_key
    left join moves on publications.odoo_move_id = moves.move_id
    left join move_lines
        on
            publication_lines.odoo_move_line_id = move_lines.move_line_id
            and publications.odoo_move_id = move_lines.move_id
    left join deleted_moves on publications.odoo_move_id = deleted_moves.move_id
    left join deleted_lines
        on publication_lines.odoo_move_line_id = deleted_lines.move_line_id
    where publication_lines.released_at is null

)

select * from final
