with publications as (

    select * from {{ ref('stg_ops__publications') }}

),

moves as (

    select *
    from {{ ref('stg_odoo__account_move') }}
    where deleted_at is null

),

deleted_moves as (

    select *
    from {{ ref('stg_odoo__account_move') }}
    where deleted_at is not null

),

move_lines as (

    select *
    from {{ ref('stg_odoo__account_move_line') }}
    where deleted_at is null

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

services as (

    select * from {{ ref('int_services') }}

),

-- Only what we published: an accountant's own invoice suspends nobody.
published as (

    select *
    from publications
    where publication_state = 'confirmed' and move_type = 'out_invoice' and odoo_move_id is not null

),

-- Of an invoice in instalments the earliest unpaid one is what can be overdue.
open_instalments as (

    select
        move_id,
        min(due_on) as due_on
    from move_lines
    where display_type = 'payment_term' and not is_reconciled
    group by move_id

),

joined as (

    select
        published.document_key,
        published.service,
        published.odoo_move_id,
        coalesce(nullif(moves.move_name, '/'), published.odoo_name) as invoice_reference,
        case
            when moves.move_id is not null then moves.move_state
            when deleted_moves.move_id is not null then 'deleted'
        end as move_state,
        moves.payment_state,
        coalesce(open_instalments.due_on, moves.due_on) as due_on,
        published.currency,
        coalesce(moves.total_amount, published.expected_total_amount) as total_amount,
        coalesce(moves.residual_amount, 0) as residual_amount,
        {{ decimals_of('currencies') }} as decimals,
        coalesce(moves.updated_at, deleted_moves.deleted_at) as updated_at,
        services.timezone,
        services.dunning_grace_days
    from published
    inner join services on published.service = services.service
    left join moves on published.odoo_move_id = moves.move_id
    left join deleted_moves on published.odoo_move_id = deleted_moves.move_id
    left join open_instalments on published.odoo_move_id = open_instalments.move_id
    left join currencies on published.currency = currencies.currency_code

),

final as (

    select
        document_key,
        service,
        odoo_move_id,
        invoice_reference,
        move_state,
        payment_state,
        due_on,
        currency,
        {{ round_money('total_amount', 'decimals') }} as total_amount,
        {{ round_money('residual_amount', 'decimals') }} as residual_amount,
        updated_at,
        dunning_grace_days,
        -- Overdue by the grace, and by one day at least: on the due date itself nobody is late.
        {{ day_start('due_on + greatest(dunning_grace_days, 1)', 'timezone') }} as overdue_at
    from joined
    where move_state is not null and total_amount <> 0

)

select * from final
