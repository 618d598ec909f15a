{{ config(post_hook='analyze {{ this }}') }}

with publication_lines as (

    select * from {{ ref('stg_ops__publication_lines') }}

),

publications as (

    select * from {{ ref('stg_ops__publications') }}

),

moves as (

    select *
    from {{ ref('stg_odoo__account_move') }}
    where deleted_at is null

),

move_lines as (

    select *
    from {{ ref('stg_odoo__account_move_line') }}
    where deleted_at is null

),

deleted_moves as (

    select *
    from {{ ref('stg_odoo__account_move') }}
    where deleted_at is not null

),

deleted_lines as (

    select *
    from {{ ref('stg_odoo__account_move_line') }}
    where deleted_at is not null

),

joined as (

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
        -move_lines.currency_amount as held_amount,
        coalesce(moves.move_state, publications.odoo_state) in ('cancel', 'deleted')
        or deleted_moves.move_id is not null
        or deleted_lines.move_line_id is not null as is_gone,
        -- It was cancelled before it was released: what was written since brought it back.
        publications.publication_state = 'released' and coalesce(
            publications.finding = 'released_document_is_back'
            or moves.updated_at > publications.released_at, false
        ) as is_written_since_release,
        publications.publication_state,
        publications.move_type,
        publications.odoo_move_id,
        publications.odoo_name,
        publications.finding,
        moves.move_state,
        publications.publication_state = 'confirmed' as is_confirmed
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
    where
        publication_lines.released_at is null or publications.publication_state = 'released'

),

-- What Odoo holds is what counts. Until the next load has seen a confirmed draft, the frozen
-- amount stands in for it; a move that Odoo had and has no more counts nothing. Of a posted line only
-- the ledger side is safe: its price can be rewritten by RPC. A document that was released as gone
-- should hold nothing, and counts with what it holds.
final as (

    select
        document_key,
        line_key,
        content_hash,
        service,
        subscription_id,
        external_subscription_id,
        kind,
        charge,
        service_period_start,
        service_period_end,
        corrects_period_start,
        currency,
        case when is_written_since_release then 0 else frozen_amount end as frozen_amount,
        publication_state,
        move_type,
        odoo_move_id,
        odoo_name,
        finding,
        move_state,
        is_confirmed,
        is_written_since_release as is_released_and_back,
        case
            when is_gone or not (is_confirmed or is_written_since_release) then 0
            else coalesce(held_amount, frozen_amount)
        end as billed_amount
    from joined
    where
        publication_state <> 'released'
        or (is_written_since_release and not coalesce(is_gone, false))

)

select * from final
